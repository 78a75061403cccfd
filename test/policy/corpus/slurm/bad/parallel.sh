#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
seq 4 | parallel -j4 python3 train.py --seed {} --checkpoint-dir=/localscratch/{}
