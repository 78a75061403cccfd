#!/bin/bash
# An array of runs, each with a folder of its own.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
#SBATCH --array=0-7
SEEDS=(1 2 3 4 5 6 7 8)
OUT=/scratch/$USER/sweep/seed-${SEEDS[$SLURM_ARRAY_TASK_ID]}
python3 train.py --seed ${SEEDS[$SLURM_ARRAY_TASK_ID]} --checkpoint-dir=$OUT
