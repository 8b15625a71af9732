# A rank that enters another collective, or none: every rank says where it is, and the job ends with code 6 in bounded time.
source "$(dirname "$0")/lib.sh"
require_mpirun
ranks=$3/tests/misbehaving_ranks

ends_with_6() {
  local before=$SECONDS
  expect 6 "${mpirun[@]}" -n 2 "$ranks" "$1"
  [ $((SECONDS - before)) -lt 30 ] || fail "took $((SECONDS - before)) s to end"
}

ends_with_6 late
says "rank 0 of 2: waited" "in all_reduce_sum (collective #2 of training)" "last completed #1 barrier"
says "rank 1 of 2: another rank has waited too long" "last begun #1 barrier, last completed #1 barrier"

# Here and below both wait: whichever has waited first raises the alarm, and the other answers.
ends_with_6 different
says "(collective #2 of training)" "training: last begun #2 broadcast (64), last completed #1 barrier" \
  "training: last begun #2 all_reduce_sum (8), last completed #1 barrier"

ends_with_6 channel
says "gradients: last begun #1 all_to_all (4000), last completed none" "training: last begun #2 all_reduce_sum (8), last completed #1 barrier"
