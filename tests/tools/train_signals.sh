# SIGUSR1 to mpirun, and to one process: checkpoint, exit code 75, and the same command goes on. SIGSTOP of a rank: code 6 after the timeout.
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run

# wait_until_minding PID: until the process has a handler for SIGUSR1, at most a minute.
wait_until_minding() {
  local i status
  for ((i = 0; i < 6000; ++i)); do
    status=$(<"/proc/$1/status") || fail "process $1 has ended"
    [[ $status =~ ^Name:[[:space:]]*pathline.*SigCgt:[[:space:]]*([0-9a-f]+) ]] && (((0x${BASH_REMATCH[1]} >> 9) & 1)) && return
    sleep 0.01
  done
  fail "process $1 has no handler for SIGUSR1"
}

"${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" --checkpoint.every 0 --train.steps 100000 >"$work/output" 2>&1 &
job=$!
wait_for "$work/log/metrics.jsonl"
sleep 0.5
kill -USR1 "$job"
wait "$job"
code=$?
[ "$code" = 75 ] || fail "expected exit code 75 after SIGUSR1, found $code"
says_once "stopped on request"
[ "$(find "$work/run" -maxdepth 1 -name 'step-*' | wc -l)" = 1 ] || fail "expected one checkpoint"
expect 0 "$program" checkpoint verify "$work/run"

"$program" train "$work/tiny.ini" --checkpoint.every 0 --train.steps 100000 >"$work/output" 2>&1 &
job=$!
wait_until_minding "$job"
sleep 0.5
kill -TERM "$job"
wait "$job"
code=$?
[ "$code" = 75 ] || fail "expected exit code 75 after SIGTERM, found $code"
[ "$(find "$work/run" -maxdepth 1 -name 'step-*' | wc -l)" = 2 ] || fail "expected a second checkpoint"

# A signal before MPI has started is minded: one step, a checkpoint, 75.
ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" expect 75 "${mpirun[@]}" -n 1 \
  env LD_PRELOAD="$3/tests/libsignal_before_mpi.so" \
  "$program" train "$work/tiny.ini" --checkpoint.dir "$work/early" --checkpoint.every 0 --train.steps 100000
says "stopped on request after step 1 of"
[ -d "$work/early/step-000000001" ] || fail "expected a checkpoint of the first step"

"${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" --checkpoint.dir "$work/stalled" --train.steps 100000 --parallel.timeout 2 >"$work/output" 2>&1 &
job=$!
wait_for "$work/stalled/step-000000010"
victim=$(rank_of "$job") || exit 1
kill -STOP "$victim"
wait "$job"
code=$?
kill -CONT "$victim" 2>/dev/null
[ "$code" = 6 ] || fail "expected exit code 6 when a rank hangs, found $code"
says_once "for the other ranks in"
