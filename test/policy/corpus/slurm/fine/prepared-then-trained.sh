#!/bin/bash
# A first program prepares shards on the node; the second trains.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
python3 tokenize_corpus.py --output-dir $TMPDIR/shards
torchrun train.py --data $TMPDIR/shards --out_dir=/scratch/$USER/run7
