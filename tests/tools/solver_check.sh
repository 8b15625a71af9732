#!/usr/bin/env bash
# pathline solvers check: its lines, its JSON, its exit codes; plugins that crash, exit or hang do not take it down.
# Usage: solver_check.sh PROGRAM SOURCE_DIR BINARY_DIR
binary_dir=$3
source "$(dirname "$0")/lib/collect.sh"
plugins=$binary_dir/tests/plugins
check=("$program" solvers check)

# A good one: by path, by name, one of several.
"${check[@]}" "$plugins/midpoint.so" >out.txt 2>err.txt || { fail "a good plugin fails"; cat out.txt err.txt; }
grep -q '^PASS  my-midpoint: order — .*declared 2' out.txt || fail "no line for the order"
grep -q '^SKIP  my-midpoint: tolerances — ' out.txt || fail "no line for what does not apply"
grep -qE '^[0-9]+ passed, 0 failed, [0-9]+ skipped' out.txt || fail "no summary"
grep -q "sha256 $(sha256sum "$plugins/midpoint.so" | cut -d' ' -f1)" out.txt || fail "the hash of the file is not there"
expect 0 "" "${check[@]}" heun
expect 0 "" "${check[@]}" "$plugins/several.so#scaled" --param factor=1
cp "$plugins/midpoint.so" . && expect 0 "" "${check[@]}" midpoint.so

# Broken ones.
expect 3 "failed" "${check[@]}" "$plugins/broken.so#throws" --only order,leaks
grep -q '^FAIL  throws: order — an exception left integrate: out of ideas — catch' out.txt || { fail "no line for the exception"; cat out.txt; }
expect 3 "failed" "${check[@]}" "$plugins/broken.so#crashes"
grep -q '^FAIL  crashes: order — was ended by signal 11' out.txt || { fail "no line for the crash"; cat out.txt; }
grep -q '^FAIL  crashes: process-state' out.txt || fail "the checks did not go on after a crash"
expect 3 "2 checks failed" "${check[@]}" "$plugins/broken.so#exits" --only order,leaks
expect 3 "1 check failed" "${check[@]}" "$plugins/broken.so#hangs" --only order --timeout 1.5
grep -q 'did not come back within 1.5 s' out.txt || { fail "no line for the hang"; cat out.txt; }
expect 3 "1 check failed" "${check[@]}" "$plugins/exits_at_load.so"
grep -q '^SKIP  further checks' out.txt || { fail "does not say what could not run"; cat out.txt; }
# One that starts eight processes, which start one each: none is left, and none was there to be counted.
cp "$plugins/broken.so" forks.so
expect 3 "1 check failed" "${check[@]}" ./forks.so#forks --only order
grep -q '^FAIL  forks: order — started a process' out.txt || { fail "no line for the processes"; cat out.txt; }
pgrep -f "$work/forks.so" >left.txt && { fail "processes are left"; cat left.txt; }
echo text >text.so
expect 3 "1 check failed" "${check[@]}" ./text.so

# For scripts.
"${check[@]}" "$plugins/broken.so#same_vector" --only vectors --json >out.txt 2>err.txt
[ $? = 3 ] || fail "the exit code with --json"
python3 - out.txt <<'PYTHON' || fail "the JSON document"
import json, sys
d = json.load(open(sys.argv[1]))
c = d["checks"][-1]
assert d["failed"] == 1 and len(d["sha256"]) == 64 and d["file"].startswith("/"), d
assert c["solver"] == "same_vector" and c["check"] == "vectors" and c["state"] == "fail" and c["advice"] and c["detail"], c
PYTHON

# Mistakes.
expect 2 "plain, scaled" "${check[@]}" "$plugins/several.so#nobody"
expect 2 "did you mean 'order'" "${check[@]}" heun --only ordre
expect 2 "no solver that is checked has a parameter" "${check[@]}" heun --param x=1
expect 2 "--timeout" "${check[@]}" heun --timeout 0
expect 2 "huen" "${check[@]}" huen
expect 4 "nowhere.so" "${check[@]}" ./nowhere.so
[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
