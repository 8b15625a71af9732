# Jobs of two processes over the NCCL backend, on the stand-in: right sums, and every fault ends the job in bounded time with code 6 (or
# the error's own) and a message that names rank and collective. Called as: bash nccl_ranks.sh PROGRAM SOURCE_DIR BINARY_DIR
source "$(dirname "$0")/../tools/lib.sh"
require_mpirun
standin=$3/tests/standin
export PATHLINE_NCCL_LIBRARY=$standin/libstandin_nccl.so PATHLINE_CUDART_LIBRARY=$standin/libstandin_nccl.so

# job CODE SECONDS OPTIONS SCENARIO [TIMEOUT]: two ranks with these options of the stand-in end with CODE within SECONDS.
job() {
  local wanted=$1 most=$2 begin=$SECONDS
  rm -rf "$work/report"
  mkdir "$work/report"
  STANDIN_NCCL="report=$work/report $3" expect "$wanted" "${mpirun[@]}" -n 2 "$program" "$4" "${5:-2}"
  [ $((SECONDS - begin)) -le "$most" ] || fail "took $((SECONDS - begin)) s, expected at most $most s: $3 $4"
}

# clean: no rank misused NCCL or left anything behind.
clean() {
  [ "$(find "$work/report" -type f | wc -l)" = 2 ] || fail "expected the reports of two ranks"
  ! grep -hE '^(misuse|leaked)' "$work/report"/* || fail "the stand-in saw misuse or leaks"
}

job 0 30 "" sums 20
clean
job 0 60 "delay_us=500 in_progress=2" sums 20
clean

# Faults of the start.
job 2 20 "devices=0" sums
says "no CUDA device"
job 2 20 "pci=same" sums
says "ranks 0, 1 would use the same CUDA device (0000:01:00.0)"
job 2 20 "devices=1" sums
says "ranks 0, 1 would use the same CUDA device"
job 6 20 "init=error@1" sums 20
says "rank 1 of 2: ncclCommInitRankConfig" "no route to rank 0"
job 6 20 "init=hang@1" sums
says "not done after 1.0 s"
job 6 30 "init=block@1" sums
says "ncclCommInitRankConfig"
PATHLINE_NCCL_LIBRARY=$standin/libstandin_incomplete.so job 2 20 "" sums
says "ncclGetUniqueId, ncclCommInitRankConfig" "ncclGroupEnd"

# Faults under way.
job 6 20 "async_error=4@1" steps
says "rank 1 of 2: NCCL failed in collective #4 of gradients, all_reduce_sum of 100000 values" "connection reset"
job 6 20 "hang=4@1" steps
says "waited 2 s for the other ranks in all_reduce_sum (collective #4 of gradients)" "gradients: last begun #4 all_reduce_sum (100000), last completed #3 all_reduce_sum (100000)"
job 6 20 "fail=ncclAllReduce:5:3@0" steps
says "rank 0 of 2: NCCL failed in collective #5 of gradients" "internal error"
job 6 20 "device_error=4@0" steps
says "rank 0 of 2: NCCL failed in collective #" "device error"
job 6 20 "" differ
says "collective #3 of gradients" "ncclAllGather #3" "ncclAllReduce #3"
job 6 20 "" stop
says "(collective #3 of gradients)" "last completed #2 all_reduce_sum"
job 1 20 "" throw
says "rank 1 fails on its own"
job 6 20 "abort=hang async_error=4@1" steps
says "rank 1 of 2: NCCL failed in collective #4"
