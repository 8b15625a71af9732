#!/usr/bin/env bash
# The NCCL backend, its stand-in and their tests under ThreadSanitizer: a build of the LibTorch-free files alone (a minute), and a run.
# Usage: tests/standin/tsan.sh [GTEST_FILTER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${TSAN_BUILD:-build/nccl-tsan}
mkdir -p "$out"
packages=$(echo .venv/lib/python3*/site-packages/nvidia)
nccl=${NCCL_ROOT:-$packages/nccl}/include
cuda=${CUDA_HOME:-$(dirname "$(find "$packages"/*/include -maxdepth 1 -name cuda_runtime_api.h | head -1)")}
cuda=${cuda%/include}/include
flags=(-std=c++20 -O1 -g1 -fsanitize=thread -fPIC -I. -isystem "$nccl" -isystem "$cuda" -DSPDLOG_FMT_EXTERNAL -DFMT_HEADER_ONLY "-DPATHLINE_STANDIN_DIR=\"$PWD/$out\"")

# OBJECT FILE: compiled again when it or a header of ours that it includes has changed.
build() {
  local needs="$2"
  [ -e "$1.d" ] && needs=$(sed -e 's/^[^:]*://' -e 's/\\$//' "$1.d")
  # shellcheck disable=SC2086
  if [ -e "$1" ] && [ -z "$(find $needs -newer "$1" -print -quit)" ]; then return; fi
  g++ "${flags[@]}" -MMD -MF "$1.d" -c -o "$1" "$2"
}
objects=()
for file in core/error.cpp core/log.cpp core/plain_text.cpp core/random.cpp trainer/parallel/{agreement,communicator,watchdog,host/host_channel}.cpp trainer/parallel/nccl/{dynamic_library,cuda_api,nccl_api,nccl_comm,nccl_channel,nccl_communicator}.cpp tests/trainer/parallel/nccl/nccl_{start,channel}_test.cpp; do
  object=$out/$(basename "$file" .cpp).o
  build "$object" "$file"
  objects+=("$object")
done
standin=()
for name in communicator standin_cuda standin_nccl world; do
  build "$out/standin-$name.o" "tests/standin/$name.cpp"
  standin+=("$out/standin-$name.o")
done
g++ -fsanitize=thread -shared -Wl,-Bsymbolic -o "$out/libstandin_nccl.so" "${standin[@]}"
gcc -shared -fPIC -isystem "$nccl" -isystem "$cuda" -o "$out/libstandin_incomplete.so" tests/standin/standin_incomplete.c
g++ -fsanitize=thread -o "$out/nccl_tests" "${objects[@]}" -lgtest -lgtest_main -lspdlog -lfmt -ldl
TSAN_OPTIONS="halt_on_error=0 exitcode=66 ${TSAN_OPTIONS:-}" "$out/nccl_tests" ${1:+--gtest_filter="$1"}
