#!/bin/bash
# The configuration says it; the comment repeats it.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
# holdfast/checkpoint-dir: /scratch/me/run7
srun python3 train.py --config configs/run7.yaml
