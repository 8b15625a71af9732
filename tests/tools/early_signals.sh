# Requests to stop before the work has begun, and a terminal that goes away.
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
tiny_run
sed -i "s/^steps = .*/steps = 100000/" tiny.ini
cp "$source_dir/configs/fields/smooth.ini" field.ini

# at_open FILE COMMAND …: SIGTERM at the moment the command first opens FILE, long before there is anything to stop.
at_open() {
  local file=$1
  shift
  ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" expect 75 env SIGNAL_AT_OPEN="$file" LD_PRELOAD="$library" "$program" "$@"
}
library=$(find "$3/tests" -name 'libsignal_at_open.*' | head -n 1)
[ -n "$library" ] || fail "the library that sends the signal is not built"
at_open tiny.ini train tiny.ini
says "stopped on request after step 1 of"
at_open train-images-idx3-ubyte shards create --from idx --input idx --out set
says "stopped by SIGTERM"
[ -e set ] && fail "a set in spite of the request"
at_open field.ini sweep --field field.ini --solvers euler --steps 100,20000 --count 64 --out swept
says "stopped by SIGTERM"
[ -e swept/sweep.csv ] && fail "a table in spite of the request"
at_open field.ini solvers fit --field field.ini --steps 4 --count 8 --out tables
expect 0 "$program" shards create --from idx --input idx --out set

# The same while the libraries are still being set up, before main(): the request waits for someone to mind it.
"$program" shards create --from toy:moons --count 100M --out early >output 2>&1 &
job=$!
while status=$(<"/proc/$job/status"); do
  [[ $status =~ ^Name:[[:space:]]*pathline.*SigBlk:[[:space:]]*([0-9a-f]+) ]] && (((0x${BASH_REMATCH[1]} >> 14) & 1)) && break
  [[ $status =~ ^Name:[[:space:]]*pathline.*SigCgt:[[:space:]]*([0-9a-f]+) ]] && (((0x${BASH_REMATCH[1]} >> 14) & 1)) && fail "SIGTERM is not held before main()"
done
kill -TERM $job
code=0
wait $job || code=$?
[ $code = 75 ] || fail "SIGTERM before main() gives $code, expected 75"
says "stopped by SIGTERM"

# A configuration from a pipe that stays silent: the wait ends.
mkfifo gate
"$program" train <(cat gate) >output 2>&1 &
job=$!
for ((i = 0; i < 3000; ++i)); do
  [[ $(<"/proc/$job/status") =~ ^Name:[[:space:]]*pathline.*SigCgt:[[:space:]]*([0-9a-f]+) ]] && (((0x${BASH_REMATCH[1]} >> 14) & 1)) && break
  sleep 0.01
done
sleep 0.2
kill -TERM $job
wait $job
code=$?
: >gate & wait $!
[ $code = 75 ] || fail "a wait for the configuration ends with $code after SIGTERM, expected 75"
says "stopped by SIGTERM while waiting"

# SIGHUP: a checkpoint and 75, as for SIGTERM; under nohup the run goes on.
hang_up() {
  rm -rf run log
  "$@" >output 2>&1 </dev/null &
  job=$!
  wait_for log/metrics.jsonl
  wait_for run/step-000000010
  kill -HUP $job
  code=0
}
hang_up "$program" train tiny.ini
wait $job || code=$?
[ $code = 75 ] || fail "SIGHUP gives $code, expected 75"
says_once "stopped on request"
hang_up nohup "$program" train tiny.ini
before=$(find run -name 'step-*' | wc -l)
for ((i = 0; i < 600; ++i)); do
  [ "$(find run -maxdepth 1 -name 'step-*' | wc -l)" -gt $((before + 1)) ] && break
  kill -0 $job 2>/dev/null || fail "nohup does not keep the run from a hang-up"
  sleep 0.1
done
kill -TERM $job
wait $job || code=$?
[ $code = 75 ] || fail "SIGTERM under nohup gives $code, expected 75"
