#!/bin/bash
# trips: slurm-cancel-stays-cancelled
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=USR1@360 --open-mode=append
again() { scontrol requeue "$SLURM_JOB_ID"; }
leave() {
  if [ -n "$child" ]; then
    { kill "$child"; wait; }
  fi
  again
}
stop() { echo "stopping"; leave; stop; }
trap stop SIGTERM
python3 train.py --checkpoint-dir=/scratch/$USER/run7 & child=$!
wait
