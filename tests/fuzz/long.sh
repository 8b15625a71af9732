#!/usr/bin/env bash
# The fuzz targets as libFuzzer programs with ASan and UBSan (docs/fuzzing.md), one after the other, a line of summary each.
#
#   tests/fuzz/long.sh SECONDS [NAME …]      NAME without "_fuzz"; default: all
#
# In build-fuzz/ (made with clang; FUZZ_BUILD names another folder): NAME.log, the new inputs in found/NAME, from which the next run goes
# on, and what crashed in crashes/NAME-*. After a crash the target starts again with the time that is left, FUZZ_CRASHES times (20).
# Exit code 1 if anything crashed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:?"usage: tests/fuzz/long.sh SECONDS [NAME …]"}
shift
names=("$@")
if ((${#names[@]} == 0)); then
  for file in tests/fuzz/*_fuzz.cpp; do names+=("$(basename "$file" _fuzz.cpp)"); done
fi

build=${FUZZ_BUILD:-build-fuzz}
if [ ! -e "$build/build.ninja" ]; then
  cmake -S . -B "$build" -G Ninja -DPATHLINE_FUZZ=ON -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ >/dev/null || exit 1
fi
ninja -C "$build" "${names[@]/%/_fuzz}" >/dev/null || { echo "long.sh: not built; see ninja -C $build" >&2; exit 1; }

export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
mkdir -p "$build/crashes"
status=0
# number LOG NAME: of libFuzzer's final statistics.
number() { sed -n "s/^stat::$2: *//p" "$1" | tail -n 1; }
for name in "${names[@]}"; do
  log=$build/$name.log runs=0 crashes=0 memory=0 began=$SECONDS
  mkdir -p "$build/found/$name"
  dictionary=(tests/fuzz/"$name".dict)
  [ -e "${dictionary[0]}" ] && dictionary=("-dict=${dictionary[0]}") || dictionary=()
  : >"$log"
  while left=$((seconds - (SECONDS - began))) && ((left > 0)); do
    if "$build/tests/fuzz/${name}_fuzz" -max_total_time="$left" -max_len=10000 -timeout=60 -rss_limit_mb=1024 -malloc_limit_mb=512 \
      -print_final_stats=1 -artifact_prefix="$build/crashes/$name-" "${dictionary[@]}" "$build/found/$name" "tests/fuzz/corpus/$name" \
      >"$log.part" 2>&1; then ended=well; else ended=badly; fi
    runs=$((runs + $(number "$log.part" number_of_executed_units | grep . || echo 0)))
    peak=$(number "$log.part" peak_rss_mb)
    ((${peak:-0} > memory)) && memory=$peak
    cat "$log.part" >>"$log"
    rm -f "$log.part"
    [ "$ended" = well ] && break
    status=1
    ((++crashes < ${FUZZ_CRASHES:-20})) || break
  done
  printf '%-14s %12d runs in %d s, at most %d MB, %d crashes\n' "$name" "$runs" $((SECONDS - began)) "$memory" "$crashes"
done
exit "$status"
