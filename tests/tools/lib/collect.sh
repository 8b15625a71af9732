# For program tests that go through many small cases: a folder of their own, and failures that are collected instead of ending the test.
# (lib.sh beside this folder is for tests of training runs, where the first failure ends the test.)
# Called as: bash CASE.sh PROGRAM SOURCE_DIR BINARY_DIR. The test ends with failure when `failures` is not 0.
set -u
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# expect CODE TEXT COMMAND…: the command ends with CODE, says TEXT (if any) on stderr, and has exactly one error line unless CODE is 0.
expect() {
  local code=$1 text=$2
  shift 2
  "$@" >out.txt 2>err.txt
  local got=$?
  [ "$got" = "$code" ] || { fail "exit code $got, expected $code: $*"; cat err.txt; return; }
  [ -z "$text" ] || grep -qF -- "$text" err.txt || { fail "no '$text' on stderr: $*"; cat err.txt; }
  [ "$code" = 0 ] || [ "$(grep -c 'pathline: error:' err.txt)" = 1 ] || { fail "not exactly one error line: $*"; cat err.txt; }
}
