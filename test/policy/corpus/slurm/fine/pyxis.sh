#!/bin/bash
# A container of pyxis, with results on the parallel file system.
#SBATCH --job-name=nemo
#SBATCH --partition=batch
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --time=04:00:00
#SBATCH --signal=USR1@600
#SBATCH --open-mode=append
RESULTS=/lustre/fsw/example/results
mkdir -p $RESULTS
srun --container-image=/lustre/images/nemo.sqsh --container-mounts=$RESULTS:/results,/lustre/data:/data:ro \
  bash -c "python pretrain.py exp_manager.explicit_log_dir=/results exp_manager.checkpoint_dir=/results/checkpoints trainer.max_time=00:03:45:00"
