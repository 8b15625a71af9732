# The process that pathline is given: without standard descriptors, with readers that go away, few open files, an open umask.
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
tiny_run
sed -i 's/^steps = .*/steps = 3/; s/^every = .*/every = 1/' tiny.ini
fresh() { rm -rf run log && echo "$program" train tiny.ini; }

# Closed descriptors: no message lands in a file of the run.
$(fresh) <&- >&- 2>&- || fail "training without standard descriptors gives $?"
[ "$(wc -l <log/metrics.jsonl)" = 4 ] || fail "expected 4 lines of metrics, found $(wc -l <log/metrics.jsonl)"
grep -vq '^{' log/metrics.jsonl && fail "a message in metrics.jsonl"
head -c 8 run/step-000000003/model.safetensors | cmp -s - <(head -c 8 run/step-000000002/model.safetensors) || fail "a message in the weights"

# gone COMMAND …: with a standard error that nobody reads any more; the exit code is that of the command.
gone() {
  local code=0
  mkfifo reader
  (sleep 0.1 <reader) &
  "$@" 2>reader >/dev/null || code=$?
  rm -f reader
  return $code
}
gone "$program" shards create --from toy:moons --count 200k --threads 1 --out toy || fail "a conversion that nobody watches gives $?"
[ -d toy ] || fail "a conversion that nobody watches made nothing and succeeded"
gone $(fresh) || fail "a training that nobody watches gives $?"
[ -d run/step-000000003 ] || fail "a training that nobody watches ended early"
code=0
gone "$program" shards info none || code=$?
[ $code = 4 ] || fail "an error that nobody reads gives $code, expected 4"

# Results that nobody reads to the end: quiet, and no failure. A full disk is one.
"$program" solvers list 2>err | head -n 1 >/dev/null
codes=("${PIPESTATUS[@]}")
[ "${codes[0]}" = 0 ] || fail "solvers list | head gives ${codes[0]}"
[ -s err ] && fail "solvers list | head says something: $(cat err)"
"$program" shards create --from toy:moons --count 1000 --out unread 2>err | true
[ "${PIPESTATUS[0]}" = 0 ] && [ -d unread ] || fail "a conversion whose summary nobody reads fails"
expect 4 bash -c "'$program' solvers list >/dev/full"
says "standard output: cannot write the results: No space left on device"

# Many shards, few open files: the soft limit is raised; where that does not help, a limit is not called damage.
expect 0 "$program" shards create --from toy:moons --count 300 --shard-images 1 --out many
expect 0 bash -c "ulimit -Sn 64; '$program' shards verify many"
says "all 300 samples in 300 shards"
expect 4 bash -c "ulimit -n 64; '$program' shards verify many"
says "Too many open files" "64 files open at a time" "ulimit -n" "no damage was found"
grep -qi "problem\|damaged" output && fail "a limit is called damage"
expect 4 bash -c "ulimit -n 64; '$program' shards info many"
says "Too many open files" "ulimit -n"

# A umask that lets everybody write is not taken at its word; one that keeps others out is.
(umask 000 && rm -rf run log && exec "$program" train tiny.ini >output 2>&1) || fail "training with umask 000"
[ -z "$(find run log -perm /022 ! -type l)" ] || fail "written for all to change: $(find run log -perm /022)"
(umask 077 && exec "$program" shards create --from toy:moons --count 10 --out private >output 2>&1) || fail "creating with umask 077"
[ -z "$(find private -perm /077)" ] || fail "readable in spite of umask 077: $(find private -perm /077)"
(umask 002 && exec "$program" shards create --from toy:moons --count 10 --out group >output 2>&1) || fail "creating with umask 002"
[ "$(stat -c %a group)" = 775 ] || fail "umask 002 gives $(stat -c %a group)"

# What is written over keeps its permissions.
field=$source_dir/configs/fields/smooth.ini
touch s.h5 && chmod 600 s.h5
expect 0 "$program" sample --field "$field" --solver euler --steps 1 --count 1 --out s.h5
[ "$(stat -c %a s.h5)" = 600 ] || fail "600 became $(stat -c %a s.h5)"
