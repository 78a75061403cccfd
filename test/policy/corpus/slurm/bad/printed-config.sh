#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
echo "checkpoint_dir: /dev/shm/x" >> run.yaml
python3 train.py --config run.yaml
