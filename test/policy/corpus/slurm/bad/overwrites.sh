#!/bin/bash
# trips: work-resumes-after-interruption
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
ARGS=(--output_dir /scratch/$USER/run7 --overwrite_output_dir)
python3 train.py "${ARGS[@]}"
