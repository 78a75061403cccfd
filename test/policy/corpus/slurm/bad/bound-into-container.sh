#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
apptainer exec --nv --bind "$TMPDIR:/ckpt,/data:/data:ro" image.sif python3 train.py --checkpoint-dir=/ckpt
