#!/bin/bash
# Requeues on the warning, ends on TERM.
#SBATCH --partition=gpu --gres=gpu:a100:1 --time=12:00:00
#SBATCH --signal=B:USR1@360 --requeue --open-mode=append
want=
requeue() { want=requeue; kill -USR1 "$child"; }
stop() { want=stop; kill -TERM "$child"; }
trap requeue USR1
trap stop TERM
leave() { if [ "$want" = requeue ]; then scontrol requeue "$SLURM_JOB_ID"; fi; }
trap leave EXIT
python3 train.py --checkpoint-dir=/scratch/$USER/run7 & child=$!
wait "$child"; wait "$child"
