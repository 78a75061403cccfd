#!/bin/bash
# A shared folder is bound to a name that looks local.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
apptainer exec --nv -B /scratch/$USER/run7:/tmp/out image.sif python3 train.py --checkpoint-dir=/tmp/out
