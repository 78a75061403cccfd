#!/bin/bash
# Stages its input in, keeps results on scratch, takes its warning.
#SBATCH --time=1-00:00:00 --gres=gpu:v100:2 --mem=64G --cpus-per-task=8
#SBATCH --signal=B:TERM@400
#SBATCH --mail-type=END,FAIL
cd $SLURM_SUBMIT_DIR
tar -C $SLURM_TMPDIR -xf ~/datasets/imagenet.tar
child=
stop() { echo "saving"; kill -TERM "$child"; wait "$child"; }
trap stop TERM
singularity exec --nv -B $SLURM_TMPDIR:/data -B $SCRATCH/exp:/exp pytorch.sif \
  torchrun --standalone --nproc_per_node=2 main.py --data /data/imagenet --checkpoint-dir /exp/resnet50 &
child=$!
wait $child
