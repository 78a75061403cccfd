#!/usr/bin/env bash
# One pass of the keeper in the current folder; its exit code is that of the pass, so that GitHub tells somebody when a person is needed.
# Reads what the stack needs (API key, backend, shared store), and if set HOLDFAST (a command), RUNS (names) and COPIES (a folder).
set -euo pipefail

# A secret that is not there arrives as an empty variable, which programs take for a value. An empty passphrase is one.
while IFS= read -r name; do
  if [ -z "${!name}" ] && [ "$name" != PULUMI_CONFIG_PASSPHRASE ]; then unset "$name"; fi
done < <(compgen -e)

if [ -z "${PULUMI_BACKEND_URL:-}" ]; then
  if [ -z "${PULUMI_ACCESS_TOKEN:-}" ]; then
    echo "::error title=Holdfast keeper::Neither PULUMI_BACKEND_URL nor PULUMI_ACCESS_TOKEN is among the secrets, so the stack's state is not known here."
    exit 2
  fi
  export PULUMI_BACKEND_URL=https://api.pulumi.com
fi

read -ra holdfast <<<"${HOLDFAST:-npx --no-install holdfast}"
read -ra runs <<<"${RUNS:-}"
options=(--once)
if [ -n "${COPIES:-}" ]; then options+=(--to "$COPIES"); fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT
code=0
"${holdfast[@]}" keeper ${runs[@]+"${runs[@]}"} "${options[@]}" >"$said" 2>&1 || code=$?

# What it says may hold words of others, which GitHub would take for commands.
stop=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
printf '::stop-commands::%s\n' "$stop"
cat "$said"
printf '::%s::\n' "$stop"
{
  printf '### Holdfast keeper\n\n```\n'
  tail -c 60000 "$said" | tr -d '`'
  printf '```\n'
} >>"${GITHUB_STEP_SUMMARY:-/dev/null}"

case "$code" in
  0) ;;
  3) echo "::error title=Holdfast keeper::A person is needed: see what it said, and what to type next." ;;
  5) echo "::error title=Holdfast keeper::A machine is silent." ;;
  6) echo "::error title=Holdfast keeper::Something could not be proven, so nothing of it is destroyed." ;;
  *) echo "::error title=Holdfast keeper::The pass failed, exit code $code." ;;
esac
exit "$code"
