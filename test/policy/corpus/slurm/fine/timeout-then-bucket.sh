#!/bin/bash
# The program is ended before the limit, and its output goes to a bucket.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=B:USR1@360 --open-mode=append
cd $TMPDIR
timeout 11h python3 train.py --output_dir out
aws s3 sync out "s3://runs-example/run7" --exclude "*.tmp"
