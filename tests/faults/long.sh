#!/usr/bin/env bash
# Every fault of every command: faults.sh in full, with training on two ranks, too. By hand; takes hours on two cores. Results in docs/reliability.md.
#
#   tests/faults/long.sh [COMMAND …]        PATHLINE=FILE: another program than build/bin/pathline
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[ $# -gt 0 ] || set -- create-idx create-folder info new export import fit sweep sample train resume train-2
exec bash "$root/tests/faults/faults.sh" "$(realpath "${PATHLINE:-$root/build/bin/pathline}")" "$root" "$root/build" --all "$@"
