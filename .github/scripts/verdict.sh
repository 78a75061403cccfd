#!/usr/bin/env bash
# Ends the job as the plan and the preview ended, after everything was shown. Reads OUT, PLAN_CODE, PREVIEW_CODE.
set -euo pipefail

cat "$OUT/comment.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
case "${PLAN_CODE:-1}" in
  0) echo "plan: nothing mandatory was found" ;;
  2) echo "plan: the files are not valid" ;;
  3) echo "plan: mandatory findings" ;;
  *) echo "plan: failed, exit code ${PLAN_CODE:-unknown}" ;;
esac
if [ "${PLAN_CODE:-1}" -ne 0 ]; then exit "${PLAN_CODE:-1}"; fi
if [ "${PREVIEW_CODE:-1}" -ne 0 ]; then
  echo "preview: failed, exit code ${PREVIEW_CODE:-unknown}"
  exit 1
fi
