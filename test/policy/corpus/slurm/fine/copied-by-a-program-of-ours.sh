#!/bin/bash
# Something else copies; the comment names the durable place.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
# holdfast/checkpoint-dir: /project/run7
python3 uploader.py $TMPDIR/run7 /project/run7 &
python3 train.py --checkpoint-dir=$TMPDIR/run7
