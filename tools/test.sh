#!/usr/bin/env bash
# Sets up, builds and runs every test; the last line is "N passed, N failed, N skipped". Extra arguments go to ctest (-R PATTERN, -V …).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tools/setup.sh || exit 1

# As many tests at a time as there are cores, so each may use one thread. (nproc itself would obey OMP_NUM_THREADS.)
jobs=$(nproc)
export OMP_NUM_THREADS=1
output=$(mktemp)
trap 'rm -f "$output"' EXIT
ctest --test-dir build --output-on-failure -j "$jobs" "$@" 2>&1 | tee "$output"
status=${PIPESTATUS[0]}

passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$output")
skipped=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*Skipped' "$output")
total=$(sed -nE 's/^.* tests failed out of ([0-9]+)$/\1/p' "$output")
failed=$((${total:-0} - passed - skipped))
if [ -z "$total" ] || [ "$total" = 0 ]; then
  echo "no test was run" >&2
  status=1
  failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
