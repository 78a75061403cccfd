#!/bin/bash
# trips: work-resumes-after-interruption
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00 --requeue
#SBATCH --signal=USR1@360 --open-mode=append
BASE=/scratch/$USER
OUT=${BASE}/run7
rm -rf "$BASE/run7/"*
python3 train.py --checkpoint-dir=$OUT
