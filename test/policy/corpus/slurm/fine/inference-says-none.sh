#!/bin/bash
# Leaves nothing behind, and says so.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
# holdfast/checkpoint-dir: none
srun python3 evaluate.py --ckpt /project/models/best
