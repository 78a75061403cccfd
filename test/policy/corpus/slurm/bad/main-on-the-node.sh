#!/bin/bash
# trips: slurm-checkpoints-off-node, slurm-job-says-where-it-checkpoints
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
cp -r $SLURM_SUBMIT_DIR/. $TMPDIR && cd $TMPDIR
python3 main.py --epochs 10
