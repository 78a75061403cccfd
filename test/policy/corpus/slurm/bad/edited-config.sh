#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
cp configs/run7.yaml run.yaml
sed -i "s#^output_dir:.*#output_dir: $TMPDIR/out#" run.yaml
python3 train.py --config run.yaml
