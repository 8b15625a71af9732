#!/usr/bin/env bash
# pathline sweep on a closed-form field: the table, the report, the orders seen, and mistakes.
# Usage: sweep.sh PROGRAM SOURCE_DIR BINARY_DIR
source "$(dirname "$0")/lib/collect.sh"

cat >smooth.ini <<'INI'
[mixture]
weights = 0.4, 0.6
means = -1, 1
sigmas = 0.6, 0.8
shape = 1,8,8
INI
sweep=("$program" sweep --field smooth.ini --threads 1)

"${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --out sweep >out.txt 2>err.txt ||
  { fail "plain sweep"; cat err.txt; }
[ "$(wc -l <sweep/sweep.csv)" = 9 ] || fail "expected a header and 8 rows: $(cat sweep/sweep.csv)"
[ "$(grep -c ',done,1,' sweep/sweep.csv)" = 8 ] || fail "not every cell is done"

# column NAME SOLVER: that column of the solver's rows (no quoted commas occur before the columns asked for).
column() {
  awk -F, -v name="$1" -v solver="$2" 'NR==1 {for (i=1;i<=NF;i++) if ($i==name) c=i} NR>1 && $1==solver {print $c}' sweep/sweep.csv
}
[ "$(column evaluations euler | paste -sd' ')" = "32 64 128" ] || fail "Euler's evaluations: $(column evaluations euler)"
[ "$(column evaluations heun | paste -sd' ')" = "64 128 256" ] || fail "Heun's evaluations: $(column evaluations heun)"
# Error halves for Euler and quarters for Heun when the steps double; closer tolerance, smaller error.
column rms_error euler | awk '{e[NR]=$1} END {o=log(e[2]/e[3])/log(2); exit !(o>0.9 && o<1.1)}' || fail "Euler is not of order 1"
column rms_error heun | awk '{e[NR]=$1} END {o=log(e[2]/e[3])/log(2); exit !(o>1.8 && o<2.2)}' || fail "Heun is not of order 2"
column rms_error dopri5 | awk '{e[NR]=$1} END {exit !(e[2]<e[1]/5 && e[2]>0)}' || fail "dopri5 does not follow its tolerance"

# The report stands alone and has everything in it.
report=sweep/report.html
grep -q '<svg' $report || fail "no plot"
[ "$(grep -o 'data:image/png;base64,' $report | wc -l)" = 10 ] || fail "expected 8 strips, the reference and the noise"
grep -qE '(src|href)="?(http|/)|@import|url\(' $report && fail "the report refers to something outside"
grep -q 'pathline sweep --field smooth.ini' $report || fail "the report lacks the command"

# sweep.h5 holds the same numbers.
if command -v h5dump >/dev/null; then
  h5dump -d /model-0/rms_error sweep/sweep.h5 | grep -q '( 8 ) / ( 8 )' || fail "sweep.h5 does not have 8 cells"
  h5dump -H -d /model-0/samples sweep/sweep.h5 | grep -q '( 8, 10, 1, 8, 8 )' || fail "sweep.h5 does not have the strips"
  for d in samples reference_samples noise; do
    h5dump -H -d /model-0/$d sweep/sweep.h5 | grep -q H5T_IEEE_F64LE || fail "$d of a float64 sweep is not float64"
  done
fi

# results FOLDER: the columns that do not depend on who computed when.
results() {
  awk -F, 'NR==1 {for (i=1;i<=NF;i++) if ($i !~ /seconds|ranks/) keep[++n]=i} {for (k=1;k<=n;k++) printf "%s,", $keep[k]; print ""}' "$1/sweep.csv"
}

# At equal cost: as many steps as the evaluations pay for.
"${sweep[@]}" --solvers euler,heun --evaluations 5,8 --count 4 --out equal >out.txt 2>err.txt || { fail "--evaluations"; cat err.txt; }
[ "$(tail -n +2 equal/sweep.csv | cut -d, -f1,6 | paste -sd' ')" = "euler,5 euler,8 heun,2 heun,4" ] || { fail "steps of equal cost"; cat equal/sweep.csv; }

# Cells that are finished are kept: nothing runs again, another setting does not take them, an old one is forgotten.
cp -r sweep again
"${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --out again >out.txt 2>err.txt || fail "the same sweep again"
grep -q '8 of 8 cells are kept' err.txt || { fail "finished cells ran again"; cat err.txt; }
cmp -s sweep/sweep.csv again/sweep.csv || fail "kept cells give another table, seconds included"
rm "$(ls again/.cells/*.cell | head -n 1)"
"${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --out again >out.txt 2>err.txt || fail "one cell missing"
grep -q '7 of 8 cells are kept' err.txt || { fail "not exactly the missing cell ran"; cat err.txt; }
[ "$(results again)" = "$(results sweep)" ] || fail "a cell that ran again came out otherwise"
"${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --seed 1 --out again >out.txt 2>err.txt || fail "another seed"
grep -q 'are kept' err.txt && { fail "cells of another seed were taken"; cat err.txt; }
[ "$(ls again/.cells/*.cell | wc -l)" = 8 ] || fail "cells of the earlier sweep are still there"
printf 'x' | dd of="$(ls again/.cells/*.cell | head -n 1)" bs=1 seek=100 conv=notrunc 2>/dev/null
"${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --seed 1 --out again >out.txt 2>err.txt || fail "one cell damaged"
grep -q 'is damaged' err.txt || { fail "a damaged cell was taken"; cat err.txt; }
"${sweep[@]}" --solvers euler --steps 4 --count 4 --out again --fresh >out.txt 2>err.txt || fail "--fresh"
grep -q 'are kept' err.txt && fail "--fresh kept cells"

# From the noise of a float64 file: the very errors of the sweep that drew it, and float32 states get float32 strips and one word on
# tolerances that they do not resolve.
"$program" sample --field smooth.ini --threads 1 --solver euler --steps 1 --count 16 --out noise64.h5 >out.txt 2>err.txt || { fail "noise file"; cat err.txt; }
"${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --initial noise64.h5:/samples/initial --out from_file >out.txt 2>err.txt ||
  { fail "sweep from a noise file"; cat err.txt; }
errors() { awk -F, 'NR==1 {for (i=1;i<=NF;i++) c[$i]=i} NR>1 {print $c["rms_error"], $c["max_error"]}' "$1/sweep.csv"; }
[ "$(errors from_file)" = "$(errors sweep)" ] || fail "the same noise from a file gives other errors"
"${sweep[@]}" --dtype float32 --solvers dopri5,bosh3 --tolerances 1e-4,1e-9,1e-10 --count 4 --out single >out.txt 2>err.txt || { fail "float32"; cat err.txt; }
[ "$(grep 'finer than' err.txt | grep -c '1e-10, 1e-09')" = 1 ] && [ "$(grep -c 'finer than' err.txt)" = 1 ] || { fail "not exactly one word on two tolerances"; cat err.txt; }
if command -v h5dump >/dev/null; then
  h5dump -H -d /model-0/samples single/sweep.h5 | grep -q H5T_IEEE_F32LE || fail "samples of a float32 sweep are not float32"
fi

# Noise from a file: the seed is the stochastic solver's own, so another one is another cell of that solver, and the table says which.
"$program" sample --field smooth.ini --threads 1 --solver euler --steps 1 --count 4 --out noise.h5 >out.txt 2>err.txt || { fail "noise file"; cat err.txt; }
noisy=("${sweep[@]}" --solvers euler,sde --steps 8 --count 4 --initial noise.h5:/samples/initial --out noisy)
for seed in 3 4; do
  "${noisy[@]}" --seed $seed >out.txt 2>err.txt || { fail "sde from a noise file"; cat err.txt; }
  grep -q 'are kept' err.txt && { fail "seed $seed took the cells of another"; cat err.txt; }
  awk -F, 'NR==1 {for (i=1;i<=NF;i++) c[$i]=i} NR>1 {print $1 "," $c["seed"]}' noisy/sweep.csv >seeds.txt
  [ "$(paste -sd' ' seeds.txt)" = "euler, sde,$seed" ] || fail "seeds in the table: $(cat seeds.txt)"
  awk -F, 'NR==1 {for (i=1;i<=NF;i++) c[$i]=i} $1=="sde" {print $c["rms_error"]}' noisy/sweep.csv >"sde-$seed.txt"
done
cmp -s sde-3.txt sde-4.txt && fail "the seed does not reach the stochastic solver"
"${noisy[@]}" --seed 4 >out.txt 2>err.txt || fail "sde from a noise file, again"
grep -q '2 of 2 cells are kept' err.txt || { fail "the same seed did not take its cells"; cat err.txt; }

# Stopped in the middle, by Ctrl-C and by kill -9: no table yet; the same command goes on and gives the table of an undisturbed run.
long=("${sweep[@]}" --solvers euler,heun --steps 100,200,20000 --count 16 --out long)
for signal in INT KILL; do
  rm -rf long
  "${long[@]}" >out.txt 2>err.txt &
  job=$!
  for ((i = 0; i < 300; ++i)); do
    [ "$(ls long/.cells/*.cell 2>/dev/null | wc -l)" -ge 2 ] && break
    sleep 0.1
  done
  kill -$signal $job
  wait $job 2>/dev/null
  code=$?
  [ $signal = KILL ] || [ $code = 75 ] || { fail "Ctrl-C gives $code, expected 75"; cat err.txt; }
  [ $signal = KILL ] || grep -q 'The same command goes on' err.txt || { fail "no word on how to go on"; cat err.txt; }
  [ -e long/sweep.csv ] && fail "a table before the end"
  "${sweep[@]}" --solvers euler,heun --steps 100,200 --count 16 --out long >out.txt 2>err.txt || { fail "going on after $signal"; cat err.txt; }
  grep -q 'cells are kept' err.txt || { fail "nothing was kept after $signal"; cat err.txt; }
  results long >"long-$signal.txt"
done
"${sweep[@]}" --solvers euler,heun --steps 100,200 --count 16 --out whole >out.txt 2>err.txt || fail "undisturbed"
for signal in INT KILL; do [ "$(cat long-$signal.txt)" = "$(results whole)" ] || fail "$signal and going on gives other results"; done

# Several models: a section and a value of `model` each.
sed 's/shape = 1,8,8/shape = 3,4,4/' smooth.ini >other.ini
"${sweep[@]}" --field other.ini --solvers euler --steps 4,8 --count 4 --out two >out.txt 2>err.txt || { fail "two models"; cat err.txt; }
[ "$(awk -F, 'NR==1 {for (i=1;i<=NF;i++) if ($i=="model") c=i} NR>1 {print $c}' two/sweep.csv | paste -sd' ')" = "smooth.ini smooth.ini other.ini other.ini" ] ||
  { fail "models"; cat two/sweep.csv; }
grep -q '>other.ini</h2>' two/report.html || fail "no section for the second model"

# Under mpirun the cells are shared out; the results are the same.
if command -v mpirun >/dev/null; then
  mpi=(mpirun -n 2 --timeout 120 --bind-to none --oversubscribe)
  [ "$(id -u)" = 0 ] && mpi+=(--allow-run-as-root)
  "${mpi[@]}" "${sweep[@]}" --solvers euler,heun,dopri5 --steps 32,64,128 --tolerances 1e-4,1e-6 --count 16 --out ranks >out.txt 2>err.txt ||
    { fail "two ranks"; cat err.txt; }
  [ "$(results ranks)" = "$(results sweep)" ] || fail "two ranks give other results than one"
  awk -F, 'NR==1 {for (i=1;i<=NF;i++) if ($i=="host_ranks") c=i} NR>1 && $c!=2 {exit 1}' ranks/sweep.csv || fail "host_ranks is not 2"
  expect 5 "no solver reached" "${mpi[@]}" "${sweep[@]}" --solvers dopri5 --tolerances 1e-6 --param max_attempts=2 --count 4 --out ranks
  expect 2 "--steps" "${mpi[@]}" "${sweep[@]}" --solvers euler --steps 4,0 --out x
fi

# A cell that fails is a row with its status; the others are not lost.
"${sweep[@]}" --solvers euler,dopri5 --steps 4 --tolerances 1e-6 --param dopri5:max_attempts=2 --count 4 --out failed >out.txt 2>err.txt ||
  { fail "one failed cell of two must not fail the sweep"; cat err.txt; }
grep -q '^euler.*,done,' failed/sweep.csv || fail "the good cell was lost"
grep -q '^dopri5.*,too_many_steps,' failed/sweep.csv || { fail "no row for the failed cell"; cat failed/sweep.csv; }
expect 5 "no solver reached" "${sweep[@]}" --solvers dopri5 --tolerances 1e-6 --param max_attempts=2 --count 4 --out failed
grep -q '^dopri5.*,too_many_steps,' failed/sweep.csv || fail "no row when every cell failed"

# An earlier sweep is replaced, other people's files are not.
"${sweep[@]}" --solvers euler --steps 4 --count 4 --out sweep >out.txt 2>err.txt || fail "second sweep into the same folder"
[ "$(wc -l <sweep/sweep.csv)" = 2 ] || fail "the earlier sweep was not replaced"
mkdir other && echo mine >other/file
expect 2 "other" "${sweep[@]}" --solvers euler --steps 4 --count 4 --out other
[ "$(ls -A other)" = file ] || fail "the foreign folder was touched"
expect 4 "smooth.ini" "${sweep[@]}" --solvers euler --steps 4 --count 4 --out smooth.ini

# Mistakes.
expect 2 "--steps" "${sweep[@]}" --solvers euler --steps 4,0 --out x
expect 2 "--steps" "${sweep[@]}" --solvers dopri5 --steps 4 --out x
expect 2 "--evaluations" "${sweep[@]}" --solvers euler --steps 4 --evaluations 4 --out x
expect 2 "--evaluations" "${sweep[@]}" --solvers heun --evaluations 1 --out x
expect 4 "missing.ini" "${sweep[@]}" --field missing.ini --solvers euler --out x
expect 2 "--tolerances" "${sweep[@]}" --solvers euler --tolerances 1e-3 --out x
expect 2 "--tolerances" "${sweep[@]}" --solvers dopri5 --tolerances 0 --out x
expect 2 "named twice" "${sweep[@]}" --solvers euler,euler --out x
expect 2 "heun" "${sweep[@]}" --solvers euler,huen --out x
expect 2 "--param" "${sweep[@]}" --solvers euler --param nonsense=1 --out x
expect 2 "--out" "${sweep[@]}" --solvers euler
expect 2 "--reference-tolerance" "${sweep[@]}" --solvers euler --reference-tolerance 1e-5 --out x
[ -e x ] && fail "a mistake left a folder behind"

[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
