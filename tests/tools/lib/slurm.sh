# A Slurm cluster of the two hosts of hosts.sh, from Debian's packages, with its configuration, keys, ports and state in one folder. To be
# sourced after hosts.sh, as root; its daemons end with the script.
#
#   slurm_possible          the daemons and the client are installed
#   slurm_up FOLDER         starts it and waits until both hosts are idle; from then on sbatch, scontrol … talk to it

slurm_possible() {
  local name
  for name in munged slurmctld slurmd sbatch scontrol; do command -v "$name" >/dev/null || return 1; done
}

slurm_up() {
  local folder=$1 name i
  mkdir -p "$folder/state" "$folder/alpha" "$folder/beta"
  (umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
  # Hosts share processes and files here, so each needs names of its own for everything temporary. A short life of credentials shortens
  # the pause after a requeue, which is two minutes by default.
  cat >"$folder/slurm.conf" <<CONF
ClusterName=pathline
SlurmctldHost=alpha(${host_address[alpha]})
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthInfo=socket=$folder/munge.socket,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n
TmpFS=$folder/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
SchedulerParameters=bf_interval=2,sched_interval=2
$(for name in "${host_names[@]}"; do echo "NodeName=$name NodeAddr=${host_address[$name]} CPUs=2"; done)
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
  export SLURM_CONF=$folder/slurm.conf
  munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munged.log" --seed-file="$folder/munge.seed" >"$folder/munged.output" 2>&1 &
  for ((i = 0; i < 100; ++i)); do
    [ -S "$folder/munge.socket" ] && break
    sleep 0.1
  done
  on_host alpha slurmctld -c -D >"$folder/slurmctld.output" 2>&1 &
  for name in "${host_names[@]}"; do on_host "$name" slurmd -D >"$folder/$name.output" 2>&1 & done
  for ((i = 0; i < 30; ++i)); do  # sinfo is patient with a controller that does not answer
    [ "$(on_host alpha timeout 2 sinfo --noheader --states=idle --format=%D 2>/dev/null)" = "${#host_names[@]}" ] && return
    sleep 0.5
  done
  return 1
}
