#!/usr/bin/env bash
# pathline sample on a closed-form field, as a user would run it: results, equality under mpirun, and every kind of mistake.
# Usage: sample.sh PROGRAM SOURCE_DIR BINARY_DIR
source "$(dirname "$0")/lib/collect.sh"

cat >smooth.ini <<'INI'
[mixture]
weights = 0.4, 0.6
means = -1, 1
sigmas = 0.6, 0.8
shape = 1,4,4
INI
sample=("$program" sample --field smooth.ini --threads 1)

# A run writes the file, the picture and a summary.
"${sample[@]}" --solver heun --steps 8 --count 20 --batch 8 --out alone.h5 --png alone.png >out.txt 2>err.txt || { fail "plain run"; cat err.txt; }
[ -s alone.h5 ] || fail "no alone.h5"
head -c 4 alone.png | grep -q PNG || fail "alone.png is no PNG"
grep -q '^evaluations  16 per sample' out.txt || { fail "summary lacks 16 evaluations"; cat out.txt; }
grep -q 'heun' out.txt || fail "summary lacks the solver"

# datasets FILE: the sample datasets' bytes as h5dump prints them, without attributes.
datasets() { for d in id images initial labels raw; do h5dump -y -w 0 -m '%a' -d "/samples/$d" "$1" | tail -n +2; done; }
have_h5dump=0
command -v h5dump >/dev/null && have_h5dump=1
if [ $have_h5dump = 1 ]; then
  datasets alone.h5 >alone.txt
  [ -s alone.txt ] || fail "h5dump shows nothing"
  "${sample[@]}" --solver heun --steps 8 --count 20 --batch 5 --out batch5.h5 >out.txt 2>err.txt || fail "batch 5"
  datasets batch5.h5 | cmp -s - alone.txt || fail "the field is pointwise, yet samples depend on --batch"
  "${sample[@]}" --solver heun --steps 8 --count 20 --batch 8 --seed 1 --out seed1.h5 >out.txt 2>err.txt || fail "seed 1"
  datasets seed1.h5 | cmp -s - alone.txt && fail "another seed gives the same samples"
  # Starting from the file's own noise gives the samples again, in the precision of the states, which is that of the file.
  for dtype in float32 float64; do
    "${sample[@]}" --dtype $dtype --solver heun --steps 8 --count 20 --out first.h5 >out.txt 2>err.txt || fail "$dtype"
    for d in raw initial; do
      h5dump -H -d /samples/$d first.h5 | grep -q "H5T_IEEE_F${dtype#float}LE" || fail "/samples/$d of $dtype states is of another type"
    done
    "${sample[@]}" --dtype $dtype --solver heun --steps 8 --count 20 --initial first.h5:/samples/initial --out again.h5 >out.txt 2>err.txt ||
      { fail "--initial"; cat err.txt; }
    datasets first.h5 >first.txt
    datasets again.h5 | cmp -s - first.txt || fail "--initial does not give the samples again in $dtype"
  done
fi

# Under mpirun: one file, one summary, the same bits.
mpi=()
if command -v mpirun >/dev/null; then
  mpi=(mpirun -n 2 --timeout 120 --oversubscribe)
  [ "$(id -u)" = 0 ] && mpi+=(--allow-run-as-root)
  for solver in "heun --steps 8" "dopri5 --rtol 1e-4 --atol 1e-4"; do
    # shellcheck disable=SC2086
    "${sample[@]}" --solver $solver --count 20 --batch 8 --out one.h5 >out.txt 2>err.txt || fail "$solver alone"
    # shellcheck disable=SC2086
    "${mpi[@]}" "${sample[@]}" --solver $solver --count 20 --batch 8 --out two.h5 >out.txt 2>err.txt || { fail "$solver under mpirun"; cat err.txt; }
    [ "$(grep -c '^evaluations' out.txt)" = 1 ] || { fail "not exactly one summary under mpirun"; cat out.txt; }
    if [ $have_h5dump = 1 ]; then
      datasets one.h5 >one.txt
      datasets two.h5 | cmp -s - one.txt || fail "$solver: two ranks give other samples than one"
    fi
  done
  # Ranks that fail alike say so once; a rank that fails alone takes the waiting others down with it.
  expect 2 "--steps" "${mpi[@]}" "${sample[@]}" --solver heun --steps 0 --count 4 --out x.h5
  # Ranks with different files under one name do not share work.
  cp smooth.ini other.ini && sed -i 's/means = -1, 1/means = -1, 2/' other.ini
  expect 3 "ranks 0 and 1 have different ones" "${mpi[@]:0:1}" -n 1 "${mpi[@]:3}" "${sample[@]}" --solver heun --steps 4 --count 4 --out x.h5 : \
    -n 1 "$program" sample --field other.ini --threads 1 --solver heun --steps 4 --count 4 --out x.h5
  expect 2 "rank 1: --steps" "${mpi[@]:0:1}" -n 1 "${mpi[@]:3}" "${sample[@]}" --solver heun --steps 4 --count 4 --out x.h5 : \
    -n 1 "${sample[@]}" --solver heun --steps 0 --count 4 --out x.h5
fi

# A tolerance that the precision cannot resolve is said so, once; one that it can is not.
finer() { grep -c 'finer than' err.txt; }
"${sample[@]}" --dtype float32 --solver dopri5 --rtol 1e-9 --atol 1e-9 --count 8 --batch 2 --out x.h5 >out.txt 2>err.txt
[ "$(finer)" = 1 ] || { fail "not exactly one word on a tolerance of 1e-9 in float32"; cat err.txt; }
"${sample[@]}" --dtype float64 --solver dopri5 --rtol 1e-9 --atol 1e-9 --count 8 --batch 2 --out x.h5 >out.txt 2>err.txt || fail "1e-9 in float64"
[ "$(finer)" = 0 ] || { fail "a word too many on a tolerance of 1e-9 in float64"; cat err.txt; }
rm -f x.h5

# Mistakes: one clear message, the right exit code, nothing written.
ok=(--solver heun --steps 4 --count 4 --out x.h5)
expect 2 "--steps" "${sample[@]}" --solver heun --steps 0 --count 4 --out x.h5
expect 2 "--steps" "${sample[@]}" --solver heun --count 4 --out x.h5
expect 2 "--steps" "${sample[@]}" --solver dopri5 --steps 4 --count 4 --out x.h5
expect 2 "dopri5" "${sample[@]}" --solver dopri5 --steps 4 --count 4 --out x.h5
expect 2 "heun has fixed steps" "${sample[@]}" --solver heun --steps 4 --rtol 1e-3 --count 4 --out x.h5
expect 2 "--count" "${sample[@]}" --solver heun --steps 4 --count 0 --out x.h5
expect 2 "--count" "${sample[@]}" --solver heun --steps 4 --count -1 --out x.h5
expect 2 "--count" "${sample[@]}" --solver heun --steps 4 --out x.h5
expect 2 "--steps" "${sample[@]}" --solver heun --step 4 --count 4 --out x.h5
expect 2 "--out" "${sample[@]}" --solver heun --steps 4 --count 4 --out --png x.png
expect 2 "--label" "${sample[@]}" "${ok[@]}" --label 3
expect 2 "--guidance" "${sample[@]}" "${ok[@]}" --guidance 2
expect 2 "--batch" "${sample[@]}" "${ok[@]}" --batch 0
expect 2 "uniformm" "${sample[@]}" "${ok[@]}" --grid uniformm
expect 2 "heun" "${sample[@]}" --solver huen --steps 4 --count 4 --out x.h5
expect 2 "--param" "${sample[@]}" "${ok[@]}" --param safety
expect 2 "nonsense" "${sample[@]}" "${ok[@]}" --param nonsense=1
expect 2 "--initial" "${sample[@]}" "${ok[@]}" --initial alone.h5:/samples/initial --seed 4
# What is read is never written over, however it is spelt.
cp smooth.ini kept.ini && cp alone.h5 kept.h5
expect 2 "same file as --field" "${sample[@]}" --solver heun --steps 4 --count 4 --out ./smooth.ini
expect 2 "same file as that of --initial" "${sample[@]}" --solver heun --steps 4 --count 4 --initial alone.h5:/samples/initial --out "$PWD/alone.h5"
expect 2 "same file as --out" "${sample[@]}" "${ok[@]}" --png ./x.h5
cmp -s smooth.ini kept.ini && cmp -s alone.h5 kept.h5 || fail "an input was written over"
expect 2 "alone.h5:/samples/initial" "${sample[@]}" --solver heun --steps 4 --count 21 --out x.h5 --initial alone.h5:/samples/initial
expect 2 "CHECKPOINT" "$program" sample "${ok[@]}"
expect 2 "--field" "$program" sample some/checkpoint --field smooth.ini "${ok[@]}"
expect 3 "smooth.ini" "${sample[@]}" --solver ./smooth.ini --steps 4 --count 4 --out x.h5
expect 4 "missing.ini" "$program" sample --field missing.ini "${ok[@]}"
expect 4 "no/such" "${sample[@]}" --solver heun --steps 4 --count 4 --out no/such/x.h5
expect 4 "." "${sample[@]}" --solver heun --steps 4 --count 4 --out .
expect 4 "missing" "$program" sample missing "${ok[@]}"
expect 2 "sample" "$program" smaple
expect 2 "--version" "$program" --versoin
[ -e x.h5 ] && fail "a mistake left x.h5 behind"

# Help and versions go to stdout; a reader that leaves early is no error.
"$program" sample --help | grep -q -- '--guidance W' || fail "sample --help"
"$program" --help | grep -q 'sweep' || fail "--help"
"$program" --version | grep -q 'LibTorch' || fail "--version"
set -o pipefail
"$program" --version | head -n 1 >/dev/null || fail "--version into a closed pipe"
if [ -w /dev/full ]; then
  "$program" --version >/dev/full 2>err.txt
  [ $? = 4 ] || fail "a full disk behind stdout is not exit code 4"
fi

[ $failures = 0 ] && echo "all well"
exit $((failures > 0))
