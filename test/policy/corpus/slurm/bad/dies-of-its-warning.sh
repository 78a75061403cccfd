#!/bin/bash
# trips: slurm-copy-outruns-the-kill, slurm-signal-leaves-time
#SBATCH --partition=gpu --gres=gpu:8 --time=08:00:00 --signal=B:USR1@360
torchrun --nproc_per_node 8 pretrain_gpt.py --save /local_scratch/ckpt --load /local_scratch/ckpt
rsync -a /local_scratch/ckpt $HOME/results/
