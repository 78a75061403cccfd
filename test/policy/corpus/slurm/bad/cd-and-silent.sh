#!/bin/bash
# trips: slurm-checkpoints-off-node, slurm-job-says-where-it-checkpoints
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
workdir=$(mktemp -d)
cd "$workdir"
python3 /home/me/train.py --epochs 10
