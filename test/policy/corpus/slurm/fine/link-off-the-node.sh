#!/bin/bash
# Works on the node; a link leads off it.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
cd $TMPDIR
ln -s /scratch/$USER/run7 out
python3 $SLURM_SUBMIT_DIR/train.py --output_dir out
