#!/usr/bin/env bash
# From nothing to garments dreamt up by a network of ours: sets the machine up, builds, turns Fashion-MNIST into HDF5 shards, trains a
# class-conditional velocity network with several MPI workers, draws samples through a solver plugin and compares the solvers.
#
#   tools/demo.sh [--out DIR] [--section.key VALUE ...]     (extra options go to `pathline train`; --out defaults to demo/)
#
# Run it again and it goes on where it stopped: set-up, shards and training steps that are done are not repeated.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
started=$SECONDS
out=demo
if [ "${1:-}" = --out ]; then
  [ $# -ge 2 ] || { echo "demo.sh: --out needs a folder" >&2; exit 2; }
  out=$2
  shift 2
fi

say() { printf '\n[demo %3d:%02d] %s\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) "$*" >&2; }

tools/setup.sh --no-tests
pathline=build/bin/pathline
mkdir -p "$out"

if [ ! -e "$out/shards/index.json" ]; then
  say "Fashion-MNIST (70,000 real images, Debian's package) into HDF5 shards"
  "$pathline" shards create --from idx --input /usr/share/datasets/fashion-mnist --split train --out "$out/shards"
fi

# One worker per core up to four, each computing with its share of the cores.
cores=$(nproc)
workers=$((cores < 4 ? cores : 4))
if ((workers == 3)); then workers=2; fi
mpirun=(mpirun -n "$workers" --bind-to none)
if [ "$(id -u)" = 0 ]; then mpirun+=(--allow-run-as-root); fi

say "training with $workers MPI workers (stop with Ctrl-C; the same command goes on)"
"${mpirun[@]}" "$pathline" train configs/demo.ini --data.shards "$out/shards" --checkpoint.dir "$out/run" --log.dir "$out/log" "$@"

say "sampling: 8 garments of each class, 20 Heun steps"
"$pathline" sample "$out/run" --solver heun --steps 20 --count 80 --label all --out "$out/samples.h5" --png "$out/samples.png"

say "comparing the solvers"
"$pathline" sweep "$out/run" --solvers euler,heun,dopri5 --evaluations 4,8,16 --tolerances 1e-1,1e-2,1e-3 --count 20 --out "$out/sweep"

say "done. Look at:
  $out/samples.png         a row per class: t-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle boot
  $out/samples.h5          the same in HDF5 (h5py, HDFView), with the noise they grew from
  $out/sweep/report.html   solvers compared at equal cost
  $out/log/                metrics.jsonl, TensorBoard events, previews"
