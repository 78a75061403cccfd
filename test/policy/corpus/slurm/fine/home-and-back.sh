#!/bin/bash
# Goes to the node and comes back.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
cd /tmp
unzip -q "$SLURM_SUBMIT_DIR/data.zip"
cd "$SLURM_SUBMIT_DIR"
python3 train.py --checkpoint-dir=checkpoints
