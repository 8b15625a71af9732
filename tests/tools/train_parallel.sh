# Two ranks under MPI, with buckets that overlap backward, with and without a sharded optimizer: the bits of one process. The counters show that
# something was sent, and bf16 on the wire sends half of it.
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run
short=(--train.steps 20 --checkpoint.every 20 --parallel.first_bucket_mib 0.05 --parallel.bucket_mib 0.2)

expect 0 "$program" train "$work/tiny.ini" "${short[@]}"
expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" "${short[@]}" --checkpoint.dir "$work/two" --log.dir "$work/two-log"
says "during backward"
same_bits "$work/run/step-000000020" "$work/two/step-000000020"
expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" "${short[@]}" --checkpoint.dir "$work/sharded" --log.dir "$work/sharded-log" \
  --parallel.shard_optimizer true --log.preview_every 10 --log.preview_steps 2
says "sharded optimizer"
same_bits "$work/run/step-000000020" "$work/sharded/step-000000020"

# bytes LOG: per step, of the last record.
bytes() { tail -n 1 "$1/metrics.jsonl" | sed -E 's/.*"comm_bytes":([0-9.]+).*/\1/'; }
expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" "${short[@]}" --checkpoint.dir "$work/bf16" --log.dir "$work/bf16-log" \
  --parallel.reduction fast --parallel.wire bf16
full=$(bytes "$work/two-log") half=$(bytes "$work/bf16-log")
[ "$(printf '%.0f' "$full")" = $((2 * $(printf '%.0f' "$half"))) ] || fail "expected half of $full bytes with bf16, found $half"
