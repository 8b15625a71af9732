#!/usr/bin/env bash
# Sets up, builds and runs every test; the last line is "N passed, N failed, N skipped".
#
#   tools/test.sh [--sanitizers] [ARGUMENTS OF CTEST]      for instance -R PATTERN, -V
#
#   --sanitizers   then also the tests of core/ and data/, where files of others are read, under AddressSanitizer and
#                  UndefinedBehaviorSanitizer (some minutes more, in build-asan-ubsan/)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
sanitizers=no
case "${1:-}" in
  --sanitizers) sanitizers=yes; shift ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac
tools/setup.sh || exit 1

# As many tests at a time as there are cores, so each may use one thread. (nproc itself would obey OMP_NUM_THREADS.)
jobs=$(nproc)
export OMP_NUM_THREADS=1
output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0 passed=0 failed=0 skipped=0

# run_tests FOLDER ARGUMENTS …: ctest, its results added to the counts above.
run_tests() {
  local folder=$1 now_passed now_skipped total
  shift
  ctest --test-dir "$folder" --output-on-failure -j "$jobs" "$@" 2>&1 | tee "$output"
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
  now_passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$output")
  now_skipped=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*Skipped' "$output")
  total=$(sed -nE 's/^.* tests failed out of ([0-9]+)$/\1/p' "$output")
  if [ -z "$total" ] || [ "$total" = 0 ]; then
    echo "$folder: no test was run" >&2
    status=1
    total=$((now_passed + now_skipped + 1))
  fi
  passed=$((passed + now_passed)) skipped=$((skipped + now_skipped))
  failed=$((failed + total - now_passed - now_skipped))
}

run_tests build "$@"
if [ "$sanitizers" = yes ]; then
  if cmake --preset asan-ubsan ${LIBTORCH_ROOT:+-DLIBTORCH_ROOT="$LIBTORCH_ROOT"} >"$output" 2>&1 && cmake --build build-asan-ubsan --target core_tests data_tests >"$output" 2>&1; then
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 run_tests build-asan-ubsan -R '^(core|data)\.'
  else
    tail -n 40 "$output" >&2
    echo "build-asan-ubsan: not built" >&2
    status=1 failed=$((failed + 1))
  fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
