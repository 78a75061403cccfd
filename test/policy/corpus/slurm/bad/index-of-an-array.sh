#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
#SBATCH --array=0-1
DIRS=("/scratch/$USER/a" "$TMPDIR/b")
python3 train.py --checkpoint-dir="${DIRS[$SLURM_ARRAY_TASK_ID]}"
