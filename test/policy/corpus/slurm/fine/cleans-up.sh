#!/bin/bash
# Clears its scratch before and after, never the run's own folder.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
rm -rf /scratch/$USER/cache "$TMPDIR"/*
trap 'rm -rf "$TMPDIR"/*' EXIT
python3 train.py --checkpoint-dir=/scratch/$USER/run7 --cache-dir=/scratch/$USER/cache
rm -rf $TMPDIR/cache
