# A rank killed with SIGKILL in the middle of a run: the same command goes on, and ends in the bits of an undisturbed run. One rank alone does, too.
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run

expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" --checkpoint.dir "$work/undisturbed" --log.dir "$work/log-undisturbed"

"${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" >"$work/output" 2>&1 &
job=$!
wait_for "$work/run/step-000000020"
victim=$(rank_of "$job") || exit 1
kill -KILL "$victim"
wait "$job"
code=$?
[ "$code" != 0 ] || fail "the run survived the loss of a rank"
[ ! -e "$work/run/step-000000200" ] || fail "the run had finished before the kill"

expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini"
grep -qE '^ +start +step [0-9]+ = [0-9,]+ images$' "$work/output" || fail "the run did not go on from a checkpoint"
same_bits "$work/run/step-000000200" "$work/undisturbed/step-000000200"

expect 0 "$program" train "$work/tiny.ini" --checkpoint.dir "$work/alone" --log.dir "$work/log-alone"
same_bits "$work/alone/step-000000200" "$work/undisturbed/step-000000200"

expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini"
says "already trained to step 200"
[ "$(grep -c '"kind":"train"' "$work/log/metrics.jsonl")" = 20 ] || fail "expected each of 20 records once in metrics.jsonl"
