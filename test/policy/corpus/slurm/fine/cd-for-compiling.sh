#!/bin/bash
# Compiles on the node in a subshell, trains from the submit folder.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
( cd $TMPDIR && cp -r "$SLURM_SUBMIT_DIR/csrc" . && make -C csrc )
srun python3 train.py --output-dir runs/run7
