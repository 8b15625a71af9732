# Two "hosts" on one machine, for tests and measurements of what crosses a network: each has a network, a hostname and an address of its own
# (Linux namespaces); one virtual cable joins them; files and processes are shared. To be sourced. Needs iproute2, and root or unprivileged
# user namespaces. Nothing outside is changed, and all of it vanishes with the script that made it, however that ends.
#
#   hosts_enter "$0" "$@"           first of all: runs the script again inside namespaces of its own; returns in there, fails where forbidden
#   hosts_up FOLDER                 starts alpha (10.77.0.1) and beta (10.77.0.2), fills hosts_mpirun; FOLDER gets launch agent and hostfile
#   on_host alpha COMMAND …         runs a command there
#   host_process NAME COMMAND       process id of the first process called COMMAND there
#   cable down | up
#   shape_cable RATE                as tc writes it: 1gbit

host_names=(alpha beta)
declare -A host_address=([alpha]=10.77.0.1 [beta]=10.77.0.2) host_keeper=()

hosts_enter() {
  if [ -n "${PATHLINE_HOSTS_ENTERED:-}" ]; then
    trap 'exit 130' INT TERM  # process 1 of a namespace gets no signal that it does not handle
    return 0
  fi
  local own=(unshare --net --pid --fork --kill-child --mount-proc)
  if [ "$(id -u)" != 0 ]; then own+=(--user --map-root-user); fi
  command -v ip >/dev/null && "${own[@]}" ip link set lo up 2>/dev/null || return 1
  export PATHLINE_HOSTS_ENTERED=1
  exec setpriv --pdeathsig KILL "${own[@]}" bash "$@"
}

hosts_up() {
  hosts_folder=$1
  # Not in /tmp: the hosts have the same names for every user of this machine.
  export OMPI_MCA_orte_tmpdir_base=$hosts_folder
  local name i
  for name in "${host_names[@]}"; do
    unshare --net --uts sh -c "hostname $name && ip link set lo up && touch '$hosts_folder/$name.up' && exec sleep infinity" </dev/null >/dev/null 2>&1 &
    host_keeper[$name]=$!
  done
  for name in "${host_names[@]}"; do
    for ((i = 0; i < 100; ++i)); do
      [ -e "$hosts_folder/$name.up" ] && break
      sleep 0.05
    done
  done
  on_host alpha ip link add cable type veth peer name cable netns "${host_keeper[beta]}" || return 1
  for name in "${host_names[@]}"; do
    on_host "$name" ip address add "${host_address[$name]}/24" dev cable && on_host "$name" ip link set cable up || return 1
    # How often the system repeats what the other host does not acknowledge. mpirun knows no other limit, and the usual 15 take a quarter of an hour.
    on_host "$name" sh -c 'echo 4 >/proc/sys/net/ipv4/tcp_retries2' || return 1
  done
  write_launch_agent
}

on_host() {
  local name=$1
  shift
  nsenter --target "${host_keeper[$name]}" --net --uts "$@"
}

# What ssh is on a real cluster: mpirun calls it with an address and a command to run there.
write_launch_agent() {
  local name
  {
    echo '#!/bin/bash'
    echo 'address=$1; shift'
    for name in "${host_names[@]}"; do
      echo "[ \"\$address\" = ${host_address[$name]} ] && exec nsenter --target ${host_keeper[$name]} --net --uts sh -c \"\$*\""
    done
    echo 'echo "no host has the address $address" >&2; exit 1'
  } >"$hosts_folder/agent"
  chmod +x "$hosts_folder/agent"
  for name in "${host_names[@]}"; do echo "${host_address[$name]} slots=1"; done >"$hosts_folder/hostfile"
  hosts_mpirun=(nsenter --target "${host_keeper[alpha]}" --net --uts
    mpirun --allow-run-as-root --hostfile "$hosts_folder/hostfile" --bind-to none
    --mca plm rsh --mca plm_rsh_agent "$hosts_folder/agent" --mca oob_tcp_if_include cable
    --mca pml ob1 --mca btl self,tcp --mca btl_tcp_if_include cable)
}

host_process() {
  local entry space
  space=$(readlink "/proc/${host_keeper[$1]}/ns/net")
  for entry in /proc/[0-9]*; do
    [ "$(cat "$entry/comm" 2>/dev/null)" = "$2" ] && [ "$(readlink "$entry/ns/net")" = "$space" ] && echo "${entry#/proc/}" && return
  done
  return 1
}

cable() {
  local name
  for name in "${host_names[@]}"; do on_host "$name" ip link set cable "$1"; done
}

shape_cable() {
  local name
  for name in "${host_names[@]}"; do
    on_host "$name" tc qdisc replace dev cable root tbf rate "$1" burst 256kb latency 50ms || return 1
  done
}
