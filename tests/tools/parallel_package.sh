# The installed component `parallel`, used by a program outside the tree: the classifier of docs/data-parallel.md ends with the same weights, to
# the bit, as one process and as two ranks.
source "$(dirname "$0")/lib.sh"
require_mpirun
libtorch=$(sed -n 's/^LibTorch_INCLUDE_DIR:[A-Z]*=\(.*\)\/include$/\1/p' "$3/CMakeCache.txt")
build_type=$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$3/CMakeCache.txt")
sanitize=$(sed -n 's/^PATHLINE_SANITIZE:[A-Z]*=//p' "$3/CMakeCache.txt")
[ -z "$sanitize" ] || skip "a program without sanitizers cannot link a library with them"

expect 0 cmake --install "$3" --prefix "$work/prefix"
expect 0 cmake -S "$source_dir/tests/install/classifier" -B "$work/build" -DCMAKE_BUILD_TYPE="$build_type" -DCMAKE_PREFIX_PATH="$work/prefix" -DLIBTORCH_ROOT="$libtorch"
expect 0 cmake --build "$work/build"

export OMP_NUM_THREADS=1
expect 0 "$work/build/classifier"
alone=$(grep '^1 ranks: ' "$work/output") || fail "no result of one process"
expect 0 "${mpirun[@]}" -n 2 "$work/build/classifier"
two=$(grep '^2 ranks: ' "$work/output") || fail "no result of two ranks"
[ "${alone#1 ranks: }" = "${two#2 ranks: }" ] || fail "one process: $alone; two ranks: $two"
loss=$(echo "$alone" | sed -E 's/.*loss ([0-9.]+).*/\1/')
awk -v loss="$loss" 'BEGIN { exit !(loss < 0.3) }' || fail "the classifier has learnt nothing: $alone"
