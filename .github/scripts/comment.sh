#!/usr/bin/env bash
# Writes $OUT/comment.md as one comment of the pull request: the one that begins with the same marker is updated in place.
# Only a bot's comment counts: anybody may type a marker. Reads OUT, REPOSITORY (owner/name), PULL_REQUEST, and gh's own GH_TOKEN.
set -euo pipefail

marker=$(head -n 1 "$OUT/comment.md")
export marker
found=$(gh api --paginate "repos/$REPOSITORY/issues/$PULL_REQUEST/comments" \
  --jq '.[] | select(.user.type == "Bot" and (.body | startswith(env.marker))) | .id')
id=$(head -n 1 <<<"$found")

if [ -n "$id" ]; then
  gh api --method PATCH "repos/$REPOSITORY/issues/comments/$id" --field "body=@$OUT/comment.md" --silent
  echo "comment $id is updated"
else
  gh api --method POST "repos/$REPOSITORY/issues/$PULL_REQUEST/comments" --field "body=@$OUT/comment.md" --silent
  echo "a comment is added"
fi
