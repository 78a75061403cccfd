#!/usr/bin/env bash
# Judges a stack's files in the current folder: comment and SARIF into $OUT, the exit code into the step's outputs.
# What is found does not end the job here: the comment must be written first, verdict.sh ends it.
# Reads HOLDFAST (a command), STACK, OUT, and if set BASE (a revision) and POLICY_CONFIG (a file).
set -euo pipefail

mkdir -p "$OUT"
read -ra holdfast <<<"${HOLDFAST:-npx --no-install holdfast}"
options=(--stack "$STACK")
if [ -n "${BASE:-}" ]; then options+=(--base "$BASE"); fi
if [ -n "${POLICY_CONFIG:-}" ]; then options+=(--policy-pack-config "$POLICY_CONFIG"); fi

code=0
"${holdfast[@]}" plan "${options[@]}" --format markdown >"$OUT/comment.md" 2>"$OUT/error.txt" || code=$?
if [ ! -s "$OUT/comment.md" ]; then
  # Not even a plan: no such stack or revision, or a bug. The comment says so, instead of showing a stale one.
  project=$(sed -n "s/^name: *[\"']\{0,1\}\([A-Za-z0-9._-]*\).*/\1/p" Pulumi.yaml 2>/dev/null | head -n 1 || true)
  name="$project/${STACK##*/}"
  {
    printf '<!-- holdfast:plan %s -->\n### Holdfast: %s\n\n**Not judged**, exit code %s:\n\n```\n' "$name" "$name" "$code"
    tr -d '`' <"$OUT/error.txt"
    printf '```\n'
  } >"$OUT/comment.md"
  if [ "$code" -eq 0 ]; then code=1; fi
fi
"${holdfast[@]}" plan "${options[@]}" --format sarif >"$OUT/plan.sarif" 2>>"$OUT/error.txt" || true
if [ ! -s "$OUT/plan.sarif" ]; then
  printf '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"holdfast"}},"results":[]}]}\n' >"$OUT/plan.sarif"
fi

echo "code=$code" >>"${GITHUB_OUTPUT:-/dev/null}"
cat "$OUT/error.txt" >&2
echo "holdfast plan: exit code $code"
