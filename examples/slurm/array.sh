#!/bin/sh
# One shard. --exclusive: other jobs on the node would disturb the measurement.
#SBATCH --job-name=isobench
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --time=04:00:00
#SBATCH --output=isobench-%A-%a.log
# exec: a signal of Slurm reaches isobench, which then removes its guests and ends its record.
# shellcheck disable=SC2086 # ISOBENCH is several words
exec $ISOBENCH run --plan "$RESULTS/plan.json" --shard auto --records "$RESULTS/records" --wait-for-lock --reporter dot
