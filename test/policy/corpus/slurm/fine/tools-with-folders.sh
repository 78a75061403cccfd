#!/bin/bash
# Tools have folders of their own.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
export WANDB_DIR=/tmp/wandb TRITON_CACHE_DIR=$TMPDIR/triton PIP_CACHE_DIR=/tmp/pip
curl --output-dir /tmp -O https://example.com/data.tar
pip install --target $TMPDIR/site -r requirements.txt
python3 -m pip list > /tmp/freeze.txt
srun python3 train.py --save-dir=/scratch/$USER/run7 --log-file=/tmp/run.log
