#!/bin/bash
# mktemp, but on the shared file system, and found again.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
OUT=/scratch/$USER/run7
work=$(mktemp -d -p /scratch/$USER)
python3 train.py --checkpoint-dir=$OUT --work-dir=$work
