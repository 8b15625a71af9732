# SIGKILL while a checkpoint is being written: the older ones are whole, nothing half is visible, and the same command goes on to the bits of an undisturbed run.
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run

# half_written: the hidden folders of checkpoints that have not been finished.
half_written() { find "$work/run" -maxdepth 1 -name '.step-*.tmp-*' 2>/dev/null; }

expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" --checkpoint.dir "$work/undisturbed" --log.dir "$work/log-undisturbed"

# With a checkpoint after every step the thread that writes them is nearly always at work; a kill that came between two is tried again.
for ((kills = 0; kills < 20; ++kills)); do
  rm -rf "$work/run" "$work/log"
  "$program" train "$work/tiny.ini" --checkpoint.every 1 >"$work/output" 2>&1 &
  job=$!
  wait_for "$work/run/step-000000010"
  kill -KILL "$job"
  wait "$job" 2>/dev/null
  [ ! -e "$work/run/step-000000200" ] || fail "the run had finished before the kill"
  [ -z "$(half_written)" ] || break
done
[ -n "$(half_written)" ] || fail "no kill in 20 met a checkpoint that was being written"

for checkpoint in "$work"/run/step-*; do expect 0 "$program" checkpoint verify "$checkpoint"; done
expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini"
[ -z "$(half_written)" ] || fail "what the kill left behind was not removed"
same_bits "$work/run/step-000000200" "$work/undisturbed/step-000000200"
