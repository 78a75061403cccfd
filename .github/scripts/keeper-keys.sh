#!/usr/bin/env bash
# The keys of a scheduled keeper: the SSH key goes into an agent and never touches the disk, the signing key into the custody folder.
# Reads SSH_KEY and SIGNING_KEY (either may be empty) and if set HOLDFAST_CUSTODY_DIR; tells the next steps of the agent by GITHUB_ENV.
set -euo pipefail
umask 077

if [ -n "${SSH_KEY:-}" ]; then
  eval "$(ssh-agent -s)" >/dev/null
  # An agent takes no key whose last line was cut off, as it is in a secret that was pasted.
  printf '%s\n' "$SSH_KEY" | ssh-add -q -
  printf 'SSH_AUTH_SOCK=%s\nSSH_AGENT_PID=%s\n' "$SSH_AUTH_SOCK" "$SSH_AGENT_PID" >>"$GITHUB_ENV"
  echo "keys: the SSH key is in an agent"
else
  echo "keys: no SSH key is given; machines open to this runner's own key or not at all"
fi

if [ -n "${SIGNING_KEY:-}" ]; then
  keys="${HOLDFAST_CUSTODY_DIR:-.holdfast}/keys"
  mkdir -p "$keys"
  rm -f "$keys/local.pub"
  printf '%s\n' "$SIGNING_KEY" >"$keys/local.key"
  chmod 600 "$keys/local.key"
  echo "keys: the signing key is in place"
else
  echo "keys: no signing key is given; receipts of this machine count for nothing once it is gone"
fi
