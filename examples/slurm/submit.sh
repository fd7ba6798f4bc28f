#!/bin/sh
# submit.sh SHARDS [options and filters of isobench plan]
#
# Measures the project in the current folder as an array job with one task per shard, and merges the records in a
# dependent job. The exit code of that job is the gate. The folder must be on a file system that all nodes share.
set -eu
here=$(dirname "$(readlink -f "$0")")
shards=$1
shift
# isobench needs root on the nodes. sudo must keep the environment: --shard auto reads SLURM_ARRAY_TASK_ID.
ISOBENCH=${ISOBENCH:-sudo -E npx isobench}
RESULTS=${RESULTS:-$PWD/results/$(date +%Y%m%dT%H%M%S)}
export ISOBENCH RESULTS
mkdir -p "$RESULTS/records"
# One plan for all tasks. Without it, each node would split the benches by its own estimates.
# shellcheck disable=SC2086 # ISOBENCH is several words
$ISOBENCH plan --shards "$shards" --out "$RESULTS/plan.json" "$@"
array=$(sbatch --parsable --array="1-$shards" "$here/array.sh")
# afterany, not afterok: after a lost task, the merge must run and say what is missing.
merge=$(sbatch --parsable --dependency="afterany:$array" "$here/merge.sh")
echo "array=$array merge=$merge results=$RESULTS"
