#!/usr/bin/env bash
# Previews with the policy pack where a backend is given, and adds what it says to the comment: the pack sees resources that the
# files of the stack do not show. A plan's findings need no backend.
# Reads STACK, OUT, POLICY_PACK, PULUMI_BACKEND_URL or PULUMI_ACCESS_TOKEN, and if set POLICY_CONFIG and PULUMI
# (the engine's command).
set -euo pipefail

if [ -z "${PULUMI_BACKEND_URL:-}" ]; then unset PULUMI_BACKEND_URL; fi
if [ -z "${PULUMI_BACKEND_URL:-}${PULUMI_ACCESS_TOKEN:-}" ]; then
  printf '\n#### Preview\n\nNone: no backend is given, so the program was not run. Findings are those of the files.\n' >>"$OUT/comment.md"
  echo "code=0" >>"${GITHUB_OUTPUT:-/dev/null}"
  echo "preview: no backend, left out"
else
  options=(--stack "$STACK" --policy-pack "$POLICY_PACK" --non-interactive --color never)
  if [ -n "${POLICY_CONFIG:-}" ]; then options+=(--policy-pack-config "$POLICY_CONFIG"); fi
  read -ra pulumi <<<"${PULUMI:-pulumi}"
  code=0
  "${pulumi[@]}" preview "${options[@]}" >"$OUT/preview.txt" 2>&1 || code=$?
  # What the pack found stands at the end of the output, below "Policies:". It is shown whole, as far as a comment goes.
  sed -n '/^Policies:/,/^[A-Z][A-Za-z ]*:$/{/^Policies:/p;/^[A-Z]/!p}' "$OUT/preview.txt" >"$OUT/policies.txt"
  fence() { iconv -c -f utf-8 -t utf-8 | tr -d '`'; }
  {
    printf '\n#### Preview\n\n%s\n' "$([ "$code" -eq 0 ] && echo "No mandatory policy found anything." || echo "**Failed**, exit code $code.")"
    if grep -q '^ *- \[' "$OUT/policies.txt"; then
      printf '\n```\n'
      head -c 20000 "$OUT/policies.txt" | fence
      printf '\n```\n'
    fi
    printf '\n<details><summary>pulumi preview</summary>\n\n```\n'
    # The end says what failed; a comment has an end as well.
    tail -n 60 "$OUT/preview.txt" | tail -c 4000 | fence
    printf '\n```\n\n</details>\n'
  } >>"$OUT/comment.md"
  # Before the verdict on the files, which alone would read as if all were well.
  if [ "$code" -ne 0 ]; then sed -i '2a\
\
**The preview failed**: see below.' "$OUT/comment.md"; fi
  echo "code=$code" >>"${GITHUB_OUTPUT:-/dev/null}"
  echo "preview: exit code $code"
fi
