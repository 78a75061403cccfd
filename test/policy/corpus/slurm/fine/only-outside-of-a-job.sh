#!/bin/bash
# On a laptop it may write to /tmp, in a job it does not.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
if [ -n "$SLURM_JOB_ID" ]; then OUT=/scratch/$USER/run7; else OUT=/tmp/run7; fi
python3 train.py --checkpoint-dir=$OUT
