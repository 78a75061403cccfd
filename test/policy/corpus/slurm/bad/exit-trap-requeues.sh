#!/bin/bash
# trips: slurm-cancel-stays-cancelled
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
finish() {
  sync
  scontrol requeue $SLURM_JOB_ID
}
trap finish EXIT
python3 train.py --checkpoint-dir=/scratch/$USER/run7
