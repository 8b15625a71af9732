# SIGUSR1 to mpirun, and to one process: checkpoint, exit code 75, and the same command goes on. SIGSTOP of a rank: code 6 after the timeout.
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run

# wait_until_minding PID: until the process has a handler for SIGUSR1.
wait_until_minding() {
  local status
  # No other program in the loop: the test below must be quicker than MPI's start, also on a busy machine.
  until status=$(<"/proc/$1/status") && [[ $status =~ ^Name:[[:space:]]*pathline.*SigCgt:[[:space:]]*([0-9a-f]+) ]] && (( (0x${BASH_REMATCH[1]} >> 9) & 1 )); do :; done
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

# The signal is minded before MPI has started, that is, loaded its components: one step, a checkpoint, 75. The moment is short, so a few tries.
early=false
for try in {1..10}; do
  "${mpirun[@]}" -n 1 "$program" train "$work/tiny.ini" --checkpoint.dir "$work/early-$try" --checkpoint.every 0 --train.steps 100000 >"$work/output" 2>&1 &
  job=$!
  until rank=$(rank_of "$job" 2>/dev/null); do :; done
  wait_until_minding "$rank"
  kill -USR1 "$rank"
  grep -q "/mca_" "/proc/$rank/maps" || early=true
  wait "$job"
  code=$?
  [ "$code" = 75 ] || fail "expected exit code 75 after an early SIGUSR1, found $code"
  [ -d "$work/early-$try/step-000000001" ] || fail "expected a checkpoint of the first step"
  $early && break
done
$early || fail "signals are not minded before MPI starts"

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
