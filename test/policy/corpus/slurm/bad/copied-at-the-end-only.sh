#!/bin/bash
# trips: slurm-copy-outruns-the-kill, slurm-signal-leaves-time
#SBATCH --partition=gpu --gres=gpu:1 --time=12:00:00
python3 train.py --checkpoint-dir=$TMPDIR/run7
rsync -a $TMPDIR/run7/ /scratch/$USER/run7/
