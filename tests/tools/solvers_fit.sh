#!/usr/bin/env bash
# pathline solvers fit on a closed-form field: the files, going on, and mistakes.
# Usage: solvers_fit.sh PROGRAM SOURCE_DIR BINARY_DIR
source "$(dirname "$0")/lib/collect.sh"

cat >smooth.ini <<'INI'
[mixture]
weights = 0.4, 0.6
means = -1, 1
sigmas = 0.6, 0.8
shape = 1,4,4
INI
fit=("$program" solvers fit --field smooth.ini --threads 1 --count 32)

"${fit[@]}" --steps 2..3 --iterations 3 --out tables >out.txt 2>err.txt || { fail "plain fit"; cat err.txt; }
for n in 2 3; do
  file=tables/fitted-$n.table
  [ "$(head -n 1 $file)" = "pathline-table 1" ] || fail "$file is no table"
  [ "$(tail -n 1 $file)" = end ] || fail "$file has no end"
  grep -q "^steps $n\$" $file || fail "$file does not have $n steps"
  [ "$(grep -c '^step ' $file)" = $n ] || fail "$file does not have $n rows"
  for said in "Fitted by: .*solvers fit --field smooth.ini" "model sha256 [0-9a-f]\{64\}" "seed 0" "rtol = atol = 1e-05" "validation [0-9.e-]*" "ab2 on the same"; do
    grep -q "^# .*$said" $file || fail "$file does not say '$said'"
  done
done
[ "$(grep -c 'times as much' out.txt)" = 2 ] || { fail "no line per table"; cat out.txt; }
# Better than the best of the known solvers, by what the command itself measured.
awk '/times as much/ {for (i=1;i<=NF;i++) if ($(i+1)=="times") {if ($i <= 1) exit 1}}' out.txt || { fail "no better than the known solvers"; cat out.txt; }

# The same command keeps what is there, bit for bit; another seed does not, and gives another table.
cp -r tables before
"${fit[@]}" --steps 2..3 --iterations 3 --out tables >out.txt 2>err.txt || fail "the same fit again"
[ "$(grep -c 'is kept' err.txt)" = 2 ] || { fail "tables were fitted again"; cat err.txt; }
cmp -s tables/fitted-3.table before/fitted-3.table || fail "a kept table changed"
"${fit[@]}" --steps 2..3 --iterations 3 --out fresh >out.txt 2>err.txt || fail "a fresh folder"
cmp -s <(grep -v '^#' fresh/fitted-3.table) <(grep -v '^#' before/fitted-3.table) || fail "the same seed gives another table"
"${fit[@]}" --steps 2..3 --iterations 3 --seed 1 --out tables >out.txt 2>err.txt || fail "another seed"
cmp -s <(grep -v '^#' tables/fitted-3.table) <(grep -v '^#' before/fitted-3.table) && fail "another seed gives the same table"

# Noise from a file: a table that was fitted to other values under the same name is not taken.
noise() { "$program" sample --field smooth.ini --threads 1 --solver euler --steps 1 --count 32 --seed "$1" --out noise.h5 >out.txt 2>err.txt || { fail "noise file"; cat err.txt; }; }
from_file=("${fit[@]}" --steps 2 --iterations 2 --initial noise.h5:/samples/initial --out from_file)
noise 5
"${from_file[@]}" >out.txt 2>err.txt || { fail "fit to a noise file"; cat err.txt; }
"${from_file[@]}" >out.txt 2>err.txt || fail "fit to the same noise file"
grep -q 'is kept' err.txt || { fail "the same noise was fitted to again"; cat err.txt; }
noise 6
"${from_file[@]}" >out.txt 2>err.txt || fail "fit to another noise file"
grep -q 'is kept' err.txt && { fail "a table that was fitted to other noise was taken"; cat err.txt; }

# Ctrl-C leaves the finished tables, and nothing half-written.
"${fit[@]}" --steps 2,48 --iterations 1000 --out stopped >out.txt 2>err.txt &
job=$!
for ((i = 0; i < 300; ++i)); do
  [ -e stopped/fitted-2.table ] && break
  sleep 0.1
done
kill -INT $job
wait $job
code=$?
[ $code = 75 ] || { fail "Ctrl-C gives $code, expected 75"; cat err.txt; }
[ "$(ls -A stopped)" = fitted-2.table ] || fail "after Ctrl-C there is: $(ls -A stopped)"

expect 2 "--steps" "${fit[@]}" --steps 4..2 --out x
expect 2 "--steps" "${fit[@]}" --steps 0 --out x
expect 2 "--steps" "${fit[@]}" --steps 4..x --out x
expect 2 "--count" "$program" solvers fit --field smooth.ini --count 3 --out x
expect 2 "--name" "${fit[@]}" --name a/b --out x
expect 2 "--out" "${fit[@]}"
expect 2 "CHECKPOINT" "$program" solvers fit --out x
expect 4 "smooth.ini" "${fit[@]}" --steps 2 --out smooth.ini
[ -e x ] && fail "a mistake left a folder behind"

[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
