#!/usr/bin/env bash
# Runs a command on two ranks with a network of a given speed between them: each rank on a host of its own (network namespaces on this
# machine), joined by a cable that `tc` slows down. Prints what the cable really gives, then runs the command under mpirun.
#
#   bench/link_shaped.sh [--rate 1gbit] -- build/bin/pathline train CONFIG.ini …
#
# Ends with the command's exit code. Needs iproute2 and python3; as root, or where users may make namespaces.
set -uo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../tests/tools/lib/hosts.sh"
usage() { sed -n '2,8s/^# \{0,1\}//p' "$0"; }
arguments=("$@")
rate=1gbit
while [ $# -gt 0 ]; do
  case "$1" in
    --rate) [ $# -ge 2 ] || { usage >&2; exit 2; } && rate=$2 && shift 2 ;;
    --) shift && break ;;
    -h | --help) usage && exit 0 ;;
    *) echo "link_shaped.sh: unknown option '$1' (see --help)" >&2 && exit 2 ;;
  esac
done
[ $# -gt 0 ] || { usage >&2; exit 2; }
hosts_enter "$0" "${arguments[@]}" || { echo "link_shaped.sh: needs iproute2, and root or unprivileged user namespaces" >&2; exit 2; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/pathline-link-XXXXXX")
trap 'rm -rf "$folder"' EXIT
hosts_up "$folder" || { echo "link_shaped.sh: the two hosts did not start" >&2; exit 1; }
shape_cable "$rate" || { echo "link_shaped.sh: tc does not take the rate '$rate'" >&2; exit 2; }

# Sends for about two seconds through one connection, and 200 single bytes to and fro.
cat >"$folder/measure.py" <<'PYTHON'
import socket, sys, time

address = ("10.77.0.2", 5201)
chunk = bytes(1 << 16)
if sys.argv[1] == "receive":
    with socket.create_server(address) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
        for _ in range(200):
            connection.sendall(connection.recv(1))
        start, received = time.monotonic(), 0
        while piece := connection.recv(1 << 20):
            received += len(piece)
        seconds = time.monotonic() - start
        print(f"the cable carries {received * 8 / seconds / 1e6:.0f} Mbit/s")
else:
    connection = socket.create_connection(address)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    start = time.monotonic()
    for _ in range(200):
        connection.sendall(b"x")
        connection.recv(1)
    print(f"a byte to and fro takes {(time.monotonic() - start) / 200 * 1e6:.0f} us")
    end = time.monotonic() + 2
    while time.monotonic() < end:
        connection.sendall(chunk)
    connection.close()
PYTHON
on_host beta python3 "$folder/measure.py" receive >"$folder/received" &
receiver=$!
for ((i = 0; i < 100; ++i)); do
  [ -s "$folder/received" ] && break
  sleep 0.1
done
on_host alpha python3 "$folder/measure.py" send >&2 && wait "$receiver" || { echo "link_shaped.sh: measuring the cable failed" >&2; exit 1; }
echo "$(tail -n 1 "$folder/received") (shaped to $rate)" >&2

"${hosts_mpirun[@]}" -n 2 "$@"
