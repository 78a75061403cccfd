#!/bin/bash
# trips: slurm-checkpoints-off-node
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
place() {
  if [ -d /local ]; then
    RUNDIR=/local/$USER/run
  else
    RUNDIR=/scratch/$USER/run
  fi
}
place
python3 train.py --default_root_dir=$RUNDIR
