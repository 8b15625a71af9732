#!/usr/bin/env bash
# Solvers with more than numbers to choose: a table from a file, noise of a stochastic one, time grids. What reaches the files' provenance, and every mistake.
# Usage: solver_options.sh PROGRAM SOURCE_DIR BINARY_DIR
source "$(dirname "$0")/lib/collect.sh"

sed 's/^shape.*/shape = 1,4,4/' "$2/configs/fields/smooth.ini" >smooth.ini
cat >two.txt <<'TABLE'
pathline-table 1
# Euler, then two-step Adams-Bashforth
kind non-stationary
steps 2
t 0 0.5 1
step 1 0.5
step 1 0.25 0.75
end
TABLE
sample=("$program" sample --field smooth.ini --threads 1 --count 20)
run() { "${sample[@]}" "$@" >out.txt 2>err.txt || { fail "$*"; cat err.txt; }; }
have_h5dump=0
command -v h5dump >/dev/null && have_h5dump=1
# attribute FILE NAME: holds the text?
attribute_has() { [ $have_h5dump = 0 ] || h5dump -w 0 -a "/$2" "$1" | grep -qF -- "$3" || fail "attribute $2 of $1 lacks $3"; }
raw() { h5dump -y -w 0 -m '%a' -d /samples/raw "$1" | tail -n +2; }

# A table: its steps, its file and the file's hash are on record.
run --solver table --param file=two.txt --steps 2 --out table.h5
grep -q '^evaluations  2 per sample' out.txt || { fail "a table of two steps takes two evaluations"; cat out.txt; }
attribute_has table.h5 solver_parameters "file=two.txt;file_sha256=$(sha256sum two.txt | cut -d' ' -f1)"
run --batch 8 --solver table --param file=two.txt --steps 5 --out table.h5
[ "$(grep -c 'takes the 2 steps of its file' err.txt)" = 1 ] || { fail "not said once, but for each batch"; cat err.txt; }
expect 2 "needs its parameter 'file'" "${sample[@]}" --solver table --steps 2 --out x.h5
expect 2 "did you mean 'file'" "${sample[@]}" --solver table --param fiel=two.txt --steps 2 --out x.h5
expect 2 "has no parameter 'file'" "${sample[@]}" --solver euler --param file=two.txt --steps 2 --out x.h5
expect 4 "none.txt" "${sample[@]}" --solver table --param file=none.txt --steps 2 --out x.h5
sed 's/^t 0 0.5/t 0 0.6 0.5/' two.txt >bad.txt
expect 3 "bad.txt: line 5" "${sample[@]}" --solver table --param file=bad.txt --steps 2 --out x.h5
[ ! -e x.h5 ] || fail "a mistake left a file"
"$program" sweep --field smooth.ini --threads 1 --count 4 --solvers euler,table --param table:file=two.txt --steps 2 --out sweep >out.txt 2>err.txt ||
  { fail "sweep with a table"; cat err.txt; }
grep -q "file=two.txt;file_sha256=" sweep/sweep.csv || fail "sweep.csv lacks the table's file"
expect 2 "needs its parameter 'file'" "$program" sweep --field smooth.ini --solvers table --steps 2 --out sweep2

# Stochastic: the noise goes with the sample and the seed, whatever the batch and the number of ranks.
sde=(--solver sde-heun --param strength=0.5 --steps 6)
run "${sde[@]}" --batch 8 --out sde.h5
attribute_has sde.h5 solver_parameters "strength=0.5"
if [ $have_h5dump = 1 ]; then
  raw sde.h5 >sde.txt
  run "${sde[@]}" --batch 5 --out other.h5
  raw other.h5 | cmp -s - sde.txt || fail "noise depends on --batch"
  run "${sde[@]}" --seed 1 --initial sde.h5:/samples/initial --out other.h5
  raw other.h5 | cmp -s - sde.txt && fail "--seed does not reach the noise of the solver"
  attribute_has other.h5 initial_noise "sde.h5:/samples/initial"
  if command -v mpirun >/dev/null; then
    mpi=(mpirun -n 2 --timeout 120 --oversubscribe)
    [ "$(id -u)" = 0 ] && mpi+=(--allow-run-as-root)
    "${mpi[@]}" "${sample[@]}" "${sde[@]}" --batch 8 --out two.h5 >out.txt 2>err.txt || { fail "sde under mpirun"; cat err.txt; }
    raw two.h5 | cmp -s - sde.txt || fail "noise depends on the number of ranks"
  fi
fi

# The norm of an adaptive solver: recorded, and none of a fixed-step one's business.
run --solver dopri5 --norm batch --rtol 1e-3 --atol 1e-3 --out norm.h5
attribute_has norm.h5 norm "batch"
expect 2 "--norm" "${sample[@]}" --solver euler --steps 4 --norm batch --out x.h5

# Grids: recorded as given, a list says its own number of steps, mistakes are told.
run --solver euler --steps 6 --grid shift:3 --out grid.h5
attribute_has grid.h5 grid "shift:3"
run --solver euler --grid 0,0.2,0.5,1 --out grid.h5
grep -q '^evaluations  3 per sample' out.txt || { fail "a list of four times is three steps"; cat out.txt; }
expect 2 "6 steps need 7 times, found 4" "${sample[@]}" --solver euler --steps 6 --grid 0,0.2,0.5,1 --out x.h5
expect 2 "did you mean 'shift'" "${sample[@]}" --solver euler --steps 6 --grid shft:3 --out x.h5
expect 2 "exactly 1" "${sample[@]}" --solver euler --grid 0,0.5 --out x.h5
expect 2 "grid shift" "${sample[@]}" --solver euler --steps 6 --grid shift:-1 --out x.h5

[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
