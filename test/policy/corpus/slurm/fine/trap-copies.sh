#!/bin/bash
# Writes to the node; a trap copies before the end.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=B:USR1@360 --open-mode=append
OUT=$TMPDIR/run7
DEST=/scratch/$USER/run7
save() { rsync -a "$OUT/" "$DEST/"; }
trap save EXIT TERM USR1
mkdir -p "$OUT" && cp -r "$DEST/." "$OUT/" || true
python3 train.py --checkpoint-dir="$OUT" & wait $!
