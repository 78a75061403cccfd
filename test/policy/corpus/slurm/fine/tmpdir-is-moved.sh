#!/bin/bash
# TMPDIR is set to a shared folder first.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
export TMPDIR=/scratch/$USER/tmp
python3 train.py --checkpoint-dir=$TMPDIR/run7
