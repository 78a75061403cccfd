#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
OPTS="--lr 1e-4 --checkpoint_path /dev/shm/run"
python3 finetune.py $OPTS
