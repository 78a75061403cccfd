#!/bin/bash
# trips: slurm-job-says-where-it-checkpoints
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
srun python3 train.py --config configs/run7.yaml
