#!/bin/bash
# Writes to the node; a loop copies while it trains.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
export CKPT_DIR=$SLURM_TMPDIR/ckpt
python3 train.py & pid=$!
while kill -0 $pid 2>/dev/null; do
  sleep 600
  rsync -a --delete "$CKPT_DIR" /project/def-me/run7/
done
