#!/usr/bin/env bash
# Writes the generated pages anew; a difference means that somebody changed the data or the page alone.
set -euo pipefail

npm run docs
git diff --exit-code --stat -- docs || {
  echo "docs/ is out of date; next: npm run docs, and commit docs/"
  exit 1
}
