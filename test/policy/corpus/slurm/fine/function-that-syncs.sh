#!/bin/bash
# A function copies in the background, a trap once more.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
LOCAL=$TMPDIR/run7
sync_out() { rsync -a "$LOCAL"/ /project/run7/; }
keep_syncing() {
  while true; do
    sleep 300
    sync_out
  done
}
keep_syncing &
trap sync_out EXIT
uv run python train.py --checkpoint-dir "$LOCAL"
