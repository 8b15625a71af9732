# The default number of threads: the affinity mask and OMP_NUM_THREADS decide, in every command that has threads.
source "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
command -v taskset >/dev/null || skip "no taskset"
tiny_run
sed -i '/^threads = /d; s/^reduction = .*/reduction = fast/' tiny.ini
first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
cores=$(env -u OMP_NUM_THREADS nproc)
field=$source_dir/configs/fields/smooth.ini

# threads_of COMMAND …: what a sweep and a training started by it say they compute with.
threads_of() {
  rm -rf swept
  expect 0 "$@" "$program" sweep --field "$field" --solvers euler --steps 1 --count 2 --out swept
  python3 -c "import csv; print(next(csv.DictReader(open('swept/sweep.csv')))['threads'], end=' ')"
  expect 0 "$@" "$program" train tiny.ini --dry-run
  sed -n 's/.* \([0-9]*\) threads per rank.*/\1/p' output
}
one() {
  local found
  found=$(threads_of "$@") || exit 1
  [ "$found" = "1 1" ] || fail "expected 1 thread in a sweep and in a training, found $found: $*"
}
one env -u OMP_NUM_THREADS taskset -c "$first"
one env OMP_NUM_THREADS=1
found=$(threads_of env -u OMP_NUM_THREADS) || exit 1
[ "$found" = "$cores $cores" ] || fail "expected $cores threads, those of nproc, found $found"
found=$(threads_of env OMP_NUM_THREADS=4096) || exit 1
[ "$found" = "$cores $cores" ] || fail "OMP_NUM_THREADS must not raise the number above $cores, found $found"

# The number of threads that a conversion starts, seen from outside: the decoders, and a few of its own.
expect 0 env -u OMP_NUM_THREADS taskset -c "$first" "$program" shards create --from idx --input idx --out set
