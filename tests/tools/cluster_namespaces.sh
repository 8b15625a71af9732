# Two hosts with a rank each: mpirun starts them through a launch agent, as it does through ssh, and gradients cross the cable. The cable is
# pulled: the job ends with code 6 in bounded time, and no rank is left on either side. One rank alone goes on, to the bits of undisturbed runs.
source "$(dirname "$0")/lib/hosts.sh"
hosts_enter "$0" "$@" || { echo "skipped: two hosts need iproute2, and root or unprivileged user namespaces"; exit 77; }
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run
hosts_up "$work" || fail "the two hosts did not start"
over_the_cable=("${hosts_mpirun[@]}" --timeout 60 -n 2)

"${over_the_cable[@]}" "$program" train "$work/tiny.ini" --train.steps 100000 --parallel.timeout 2 >"$work/output" 2>&1 &
job=$!
wait_for "$work/run/step-000000020"
cable down
pulled=$SECONDS
wait "$job"
code=$?
[ "$code" = 6 ] || fail "expected exit code 6 when the cable is pulled, found $code"
((SECONDS - pulled < 30)) || fail "the job ended only $((SECONDS - pulled)) s after the cable was pulled"
says "mpi: 2 ranks (1 x alpha, 1 x beta)" "rank 0 of 2: waited"
for host in "${host_names[@]}"; do
  left=$(host_process "$host" pathline) && fail "rank $left is left on $host"
done

newest=$(basename "$(printf '%s\n' "$work"/run/step-* | tail -n 1)")
steps=$((10#${newest#step-} + 20))
last=$(printf 'step-%09d' "$steps")
expect 0 "$program" train "$work/tiny.ini" --train.steps "$steps"
says "step $((steps - 20)) = "

cable up
expect 0 "${over_the_cable[@]}" "$program" train "$work/tiny.ini" --train.steps "$steps" --checkpoint.dir "$work/together" --log.dir "$work/log-together"
expect 0 "$program" train "$work/tiny.ini" --train.steps "$steps" --checkpoint.dir "$work/alone" --log.dir "$work/log-alone"
same_bits "$work/together/$last" "$work/alone/$last"
same_bits "$work/run/$last" "$work/alone/$last"
