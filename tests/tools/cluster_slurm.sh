# The shipped batch script on a real Slurm cluster of two hosts. Signalled, the run writes a checkpoint and ends with code 75, goes back into the
# queue, starts again and finishes with the bits of an undisturbed run. Slurm sends the signal by itself when the time is nearly up.
[ "$(id -u)" = 0 ] || { echo "skipped: Slurm's daemons need root"; exit 77; }
source "$(dirname "$0")/lib/hosts.sh"
hosts_enter "$0" "$@" || { echo "skipped: two hosts need iproute2 and the right to make namespaces"; exit 77; }
source "$(dirname "$0")/lib/slurm.sh"
slurm_possible || { echo "skipped: slurmctld, slurmd, slurm-client and munge are not all installed"; exit 77; }
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run
hosts_up "$work" || fail "the two hosts did not start"
slurm_up "$work/slurm" || { tail -n 20 "$work"/slurm/*.output; fail "Slurm did not start"; }

# submit SBATCH_OPTION … -- TRAIN_ARGUMENT …: sets $job and $log.
submit() {
  local options=()
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  shift
  job=$(PATHLINE=$(realpath "$program") on_host alpha sbatch --parsable --chdir "$work" --ntasks 2 --ntasks-per-node 1 "${options[@]}" \
    "$source_dir/tools/cluster/pathline.sbatch" "$@") || fail "the job was not accepted"
  log=$work/pathline-$job.log
}

# wait_for_log LOG TEXT: until the log says so, at most 100 s.
wait_for_log() {
  local i
  for ((i = 0; i < 500; ++i)); do
    grep -qF -- "$2" "$1" 2>/dev/null && return
    sleep 0.2
  done
  tail -n 40 "$1" "$work"/slurm/*.log
  fail "the job's log lacks: $2"
}

# logged TEXT …: each is in the job's log.
logged() {
  cp "$log" "$work/output"
  says "$@"
}

restarts() { on_host alpha scontrol --oneliner show job "$job" | grep -o 'Restarts=[0-9]*'; }

# A job whose minute ends within the five that the script asks for: it trains, beside the others, until Slurm looks at the clock.
PATHLINE_LAUNCH=srun submit --time 1 -- "$work/tiny.ini" --train.steps 100000 --checkpoint.every 0 --checkpoint.dir "$work/by-srun" --log.dir "$work/log-by-srun"
timed_job=$job timed_log=$log

# Signalled by hand. Its length is set in the file, because the job's command line stays what it was.
sed -i 's/^steps = .*/steps = 100000/' "$work/tiny.ini"
submit -- "$work/tiny.ini"
wait_for "$work/run/step-000000020"
on_host alpha scancel --signal USR1 --batch "$job"
wait_for_log "$log" "ended with code 75, to be continued"
newest=$(basename "$(printf '%s\n' "$work"/run/step-* | tail -n 1)")
steps=$((10#${newest#step-} + 20))
last=$(printf 'step-%09d' "$steps")
sed -i "s/^steps = .*/steps = $steps/" "$work/tiny.ini"
wait_for_log "$log" "training ended with code 0"
logged "mpi: 2 ranks (1 x alpha, 1 x beta)" "stopped on request after step $((steps - 20)) of" "start 1, 2 ranks" "step $((steps - 20)) = "
[ "$(restarts)" = Restarts=1 ] || fail "expected one restart, found $(restarts)"
expect 0 "$program" train "$work/tiny.ini" --checkpoint.dir "$work/alone" --log.dir "$work/log-alone"
same_bits "$work/run/$last" "$work/alone/$last"

# Cancelled while it trains: it does not come back, whatever code the ranks end with.
submit -- "$work/tiny.ini" --train.steps 100000 --checkpoint.dir "$work/cancelled" --log.dir "$work/log-cancelled"
wait_for "$work/cancelled/step-000000010"
on_host alpha scancel "$job"
wait_for_log "$log" "training ended with code"
grep -qF "to be continued" "$log" && fail "a cancelled job wants to go on"
[ "$(restarts)" = Restarts=0 ] || fail "a cancelled job went back into the queue"

job=$timed_job log=$timed_log
wait_for_log "$log" "ended with code 75, to be continued"
logged "mpi: 2 ranks (1 x alpha, 1 x beta)" "stopped on request"
on_host alpha scancel "$job"
for ((i = 0; i < 100; ++i)); do
  [ -z "$(on_host alpha squeue --noheader)" ] && break
  sleep 0.2
done
