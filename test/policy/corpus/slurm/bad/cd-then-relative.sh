#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
cd $TMPDIR || exit 1
cp -r "$SLURM_SUBMIT_DIR/code" .
python3 code/train.py --output_dir checkpoints
