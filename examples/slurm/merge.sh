#!/bin/sh
# Merges the records of all tasks and judges them. Exits with the code of isobench judge, or else with 3 if a shard or
# a round is missing. Needs neither root nor a platform.
#SBATCH --job-name=isobench-merge
#SBATCH --time=00:30:00
#SBATCH --output=isobench-merge-%j.log
# A requeued merge starts again.
rm -f "$RESULTS/all.jsonl"
# shellcheck disable=SC2086 # ISOBENCH is several words
$ISOBENCH merge "$RESULTS/records" --plan "$RESULTS/plan.json" --strict --out "$RESULTS/all.jsonl"
merged=$?
[ -s "$RESULTS/all.jsonl" ] || exit "$merged"
# shellcheck disable=SC2086
$ISOBENCH judge "$RESULTS/all.jsonl" --strict --reporter default --reporter "html=$RESULTS/report.html"
judged=$?
[ "$judged" -ne 0 ] && exit "$judged"
exit "$merged"
