# sample and sweep under mpirun: a rank that is stopped (SIGSTOP) ends the job with code 6 in bounded time, one that only works longer
# than --timeout does not.
source "$(dirname "$0")/lib.sh"
require_mpirun
slow=(--field "$2/configs/fields/smooth.ini" --threads 1 --steps 1 --count 1 --param how=slow)
plugin=$3/tests/plugins/ends_process.so

# One batch: rank 1 has nothing to do, and waits for rank 0 longer than the limit.
expect 0 "${mpirun[@]}" -n 2 "$program" sample "${slow[@]}" --solver "$plugin" --param seconds=6 --timeout 2 --out "$work/x.h5"
expect 0 "${mpirun[@]}" -n 2 "$program" sweep "${slow[@]}" --solvers "$plugin" --param seconds=6 --timeout 2 --out "$work/sweep"
rm -r "$work/x.h5" "$work/sweep"

# stops_with_6 ADVICE COMMAND…: stops the last rank of the job in the middle of its minute of work, or of its wait.
stops_with_6() {
  local advice=$1 job victim code
  shift
  "${mpirun[@]}" -n 2 "$program" "$@" >"$work/output" 2>&1 &
  job=$!
  wait_for "$work/started"
  victim=$(rank_of "$job") || exit 1
  kill -STOP "$victim"
  wait "$job"
  code=$?
  kill -CONT "$victim" 2>/dev/null
  [ "$code" = 6 ] || fail "expected exit code 6 when a rank hangs, found $code"
  says_once "for the other ranks in"
  says "of heartbeat" "$advice"
  rm -f "$work/started"
}
export PATHLINE_TEST_STARTED="$work/started"
stops_with_6 "Nothing was written; start the same command again." \
  sample "${slow[@]}" --solver "$plugin" --param seconds=60 --timeout 2 --out "$work/x.h5"
[ -e "$work/x.h5" ] && fail "a file of a job that did not end"
stops_with_6 "The finished cells are kept" \
  sweep "${slow[@]}" --solvers "$plugin" --param seconds=60 --timeout 2 --out "$work/sweep"
[ -e "$work/sweep/sweep.csv" ] && fail "a table of a sweep that did not end"

# 0: no limit, no heartbeat.
expect 0 "${mpirun[@]}" -n 2 "$program" sample "${slow[@]}" --solver "$plugin" --param seconds=1 --timeout 0 --out "$work/x.h5"
expect 2 "${mpirun[@]}" -n 2 "$program" sample "${slow[@]}" --solver "$plugin" --timeout -1 --out "$work/x.h5"
says "--timeout"
