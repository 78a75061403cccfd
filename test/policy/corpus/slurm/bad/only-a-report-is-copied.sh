#!/bin/bash
# trips: slurm-checkpoints-off-node, slurm-job-says-where-it-checkpoints
#SBATCH --partition=gpu --gres=gpu:1 --time=12:00:00 --signal=USR1@360
cp -r $SLURM_SUBMIT_DIR $TMPDIR/w
cd $TMPDIR/w
python3 train.py --epochs 100
cp results.csv $SLURM_SUBMIT_DIR
