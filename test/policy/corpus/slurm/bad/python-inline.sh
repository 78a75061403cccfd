#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
python3 - <<'PY'
from transformers import TrainingArguments
args = TrainingArguments(output_dir="/tmp/out", save_steps=500)
PY
