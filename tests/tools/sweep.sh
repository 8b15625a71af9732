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
[ "$(grep -o 'data:image/png;base64,' $report | wc -l)" = 9 ] || fail "expected 8 strips and the reference"
grep -qE '(src|href)="?(http|/)|<script|@import' $report && fail "the report refers to something outside"
grep -q 'pathline sweep --field smooth.ini' $report || fail "the report lacks the command"

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
