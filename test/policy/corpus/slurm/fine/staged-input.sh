#!/bin/bash
# Data and the model to start from are staged on the node.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
tar xf /project/data.tar -C $TMPDIR
cp /project/base.pt $TMPDIR/
srun python3 train.py --data-dir $TMPDIR/data --init-checkpoint-path $TMPDIR/base.pt --checkpoint $TMPDIR/base.pt --save-dir /scratch/$USER/run7
