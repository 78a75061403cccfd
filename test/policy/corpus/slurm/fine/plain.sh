#!/bin/bash
# Checkpoints on the shared file system, caches on the node.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
export HF_HOME=$TMPDIR/hf TORCH_EXTENSIONS_DIR=/tmp/ext
srun python3 train.py --checkpoint-dir=/scratch/$USER/run7 --cache-dir $TMPDIR/cache
