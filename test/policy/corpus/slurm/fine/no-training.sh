#!/bin/bash
# Compiles a kernel on a GPU node.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
module load cuda
nvidia-smi
cd $TMPDIR && cp -r $SLURM_SUBMIT_DIR/csrc . && ls
