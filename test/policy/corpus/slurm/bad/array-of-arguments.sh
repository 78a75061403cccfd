#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
ARGS=(
  --model vit_large
  --checkpoint-dir "$SLURM_TMPDIR/ckpt"   # fast disk
)
ARGS+=(--epochs 300)
srun torchrun --nproc-per-node=4 train.py "${ARGS[@]}"
