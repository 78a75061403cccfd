#!/bin/bash
# The step is warned by --signal and ends, and the script copies.
#SBATCH --partition=gpu --gres=gpu:1 --time=12:00:00 --signal=USR1@600
srun python3 train.py --checkpoint-dir=$TMPDIR/run7
tar czf /scratch/$USER/run7.tgz -C $TMPDIR run7
