#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
export BASE=/localscratch/$SLURM_JOB_ID
srun bash -lc 'cd $BASE && python3 train.py --checkpoint-dir=ckpt'
