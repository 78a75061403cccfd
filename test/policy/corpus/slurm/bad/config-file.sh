#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
cat > run.yaml <<YAML
trainer:
  max_epochs: 10
  checkpoint_dir: ${TMPDIR}/ckpt
YAML
python3 train.py --config run.yaml
