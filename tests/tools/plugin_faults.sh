#!/usr/bin/env bash
# What a plugin may do wrong while `sample` and `sweep` use it never passes for success, nor for a mistake of the user's: exit
# code 3, the plugin named, nothing written.
# Usage: plugin_faults.sh PROGRAM SOURCE_DIR BINARY_DIR
source_dir=$2 binary_dir=$3
source "$(dirname "$0")/lib/collect.sh"
plugin=$binary_dir/tests/plugins/ends_process.so
field=$source_dir/configs/fields/smooth.ini
sample=("$program" sample --field "$field" --threads 1 --solver "$plugin" --steps 2 --count 2 --out x.h5)

ending() {
  expect 3 "$2" "${sample[@]}" --param how="$1"
  grep -qF "$plugin: ends $2 in its $3" err.txt || { fail "$1 does not name plugin and function"; cat err.txt; }
  [ -e x.h5 ] && fail "$1 left a file"
}
ending exit "called exit()" integrate
ending quick_exit "called quick_exit()" integrate
ending create_exit "called exit()" create
if ! grep -qa __asan_init "$program"; then
  ending abort aborted integrate
  ending crash "crashed (segmentation fault)" integrate
fi
expect 3 "returned status 7 by itself" "${sample[@]}" --param how=bad_status
expect 3 "unknown status 77" "${sample[@]}" --param how=create_status
expect 3 "holds 1000 vectors" "${sample[@]}" --param how=clones
[ -e x.h5 ] && fail "a fault left a file"
expect 0 "" "${sample[@]}" --param how=slow --param seconds=0
rm x.h5

sweep=("$program" sweep --field "$field" --threads 1 --solvers "$plugin" --steps 2 --count 2)
expect 3 "called exit()" "${sweep[@]}" --param how=exit --out ended
[ -e ended/sweep.csv ] && fail "a table of a sweep that did not end"
expect 3 "host_error" "${sweep[@]}" --param how=clones --out broken
grep -q ',host_error,' broken/sweep.csv || { fail "no row for the broken plugin"; cat broken/sweep.csv; }

# On one rank of two: the job ends, with that code.
if command -v mpirun >/dev/null; then
  mpi=(mpirun -n 2 --timeout 120 --oversubscribe)
  [ "$(id -u)" = 0 ] && mpi+=(--allow-run-as-root)
  "${mpi[@]}" "${sample[@]}" --param how=exit --batch 2 >out.txt 2>err.txt
  code=$?
  [ $code = 3 ] || { fail "under mpirun: exit code $code"; cat err.txt; }
  [ -e x.h5 ] && fail "under mpirun: a file is there"
fi
[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
