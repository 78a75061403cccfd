#!/bin/bash
# watch copies every ten minutes.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
watch -n 600 rsync -a $TMPDIR/run7 /scratch/$USER/ > /dev/null &
python3 train.py --checkpoint-dir=$TMPDIR/run7
