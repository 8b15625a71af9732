#!/usr/bin/env bash
# Whether two states of the program compute the same bits: trains tiny runs with both, on 1, 2 and 4 ranks, and compares weights, averages,
# moments and samples; the second also goes on from checkpoints of the first. For moves that must not change behaviour.
#
#   tools/compare_commits.sh BEFORE AFTER      each a commit, which is built, or a program that is built already (build/bin/pathline)
#
# Bits depend on processor and LibTorch, so both run here, now. Builds are kept in build-compare/ and used again. Exit code 1: something differs.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case "${1:-}" in -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ $# = 2 ] || { sed -n '5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1

# program_of COMMIT_OR_PROGRAM: prints the path of the program.
program_of() {
  if [ -x "$1" ] && [ ! -d "$1" ]; then realpath "$1"; return; fi
  local commit tree
  commit=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "compare_commits.sh: neither a commit nor a program: $1" >&2; return 2; }
  tree=$PWD/build-compare/$commit
  if [ ! -x "$tree/build/bin/pathline" ]; then
    mkdir -p build-compare
    [ -e "$tree" ] || git worktree add --quiet --detach "$tree" "$commit" >&2 || return 2
    [ -e "$tree/.venv" ] || ln -s "$PWD/.venv" "$tree/.venv"
    (cd "$tree" && cmake --preset release -DPATHLINE_BUILD_TESTS=OFF ${LIBTORCH_ROOT:+-DLIBTORCH_ROOT="$LIBTORCH_ROOT"} && cmake --build --preset release) >"$work/build.log" 2>&1 ||
      { tail -n 30 "$work/build.log" >&2; return 2; }
  fi
  echo "$tree/build/bin/pathline"
}
before=$(program_of "$1") || exit 2
after=$(program_of "$2") || exit 2

python3 - "$work/idx" <<'PY'
import os, random, struct, sys
folder, count, side = sys.argv[1], 60, 8
os.makedirs(folder)
draw = random.Random(1)
with open(folder + "/train-images-idx3-ubyte", "wb") as f:
    f.write(struct.pack(">IIII", 0x803, count, side, side) + bytes(draw.randrange(256) for _ in range(count * side * side)))
with open(folder + "/train-labels-idx1-ubyte", "wb") as f:
    f.write(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count)))
PY
"$before" shards create --from idx --input "$work/idx" --split train --out "$work/shards" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 2; }

common=(--data.shards "$work/shards" --network.channel_mult 1,2 --network.attention 4 --network.classes 10 --train.global_batch 16 --train.micro_batch 4
  --train.threads 1 --train.seed 7 --checkpoint.every 3 --log.every 2 --log.preview_every 0 --log.tensorboard false)
declare -A variants=(
  [fp32]=""
  [bf16]="--train.precision bf16"
  [reproducible]="--parallel.reduction reproducible"
  [sharded]="--parallel.shard_optimizer true --optimizer.schedule cosine --optimizer.warmup 2"
  [dropout]="--network.dropout 0.3 --train.flip true"
  [label_drop]="--flow.label_drop 0.2 --flow.time logit-normal --flow.time_mean 0.3 --network.scale_shift_norm true --network.resblock_updown true"
)
touch "$work/empty.ini"
mpirun=(mpirun --bind-to none --oversubscribe --timeout 300)
if [ "$(id -u)" = 0 ]; then mpirun+=(--allow-run-as-root); fi

# train PROGRAM RANKS FOLDER STEPS OPTIONS…
train() {
  local program=$1 ranks=$2 folder=$3 steps=$4 start=()
  shift 4
  if [ "$ranks" != 1 ]; then start=("${mpirun[@]}" -n "$ranks"); fi
  "${start[@]}" "$program" train "$work/empty.ini" "${common[@]}" --checkpoint.dir "$folder/run" --log.dir "$folder/log" --train.steps "$steps" "$@" \
    >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; echo "compare_commits.sh: training failed" >&2; exit 2; }
}

status=0
# same WHAT FILE FILE …
same() {
  local what=$1 name
  shift
  if cmp -s "$1" "$2"; then return; fi
  echo "DIFFERS: $what"
  status=1
}
same_checkpoints() {
  local name
  for name in model ema optimizer; do same "$1: $name" "$2/run/step-000000006/$name.safetensors" "$3/run/step-000000006/$name.safetensors"; done
}
for variant in fp32 bf16 reproducible sharded dropout label_drop; do
  read -r -a options <<<"${variants[$variant]}"
  for ranks in 1 2 4; do
    here=$work/$variant-$ranks
    train "$before" "$ranks" "$here-before" 6 "${options[@]}"
    train "$after" "$ranks" "$here-after" 6 "${options[@]}"
    same_checkpoints "$variant on $ranks rank(s)" "$here-before" "$here-after"
    echo "$variant, $ranks rank(s): compared"
  done
  # A checkpoint of the one, continued by the other.
  if [ "$variant" != sharded ]; then
    half=$work/$variant-half
    mkdir -p "$half/run"
    cp -r "$work/$variant-2-before/run/step-000000003" "$half/run/"
    train "$after" 2 "$half" 6 "${options[@]}"
    same_checkpoints "$variant, continued from the other's checkpoint" "$work/$variant-2-before" "$half"
  fi
  # Samples of one checkpoint by both.
  guidance=()
  if [ "$variant" = label_drop ]; then guidance=(--guidance 1.5); fi
  for which in before after; do
    "${!which}" sample "$work/$variant-1-before/run" --solver heun --steps 3 --count 8 --seed 3 --threads 1 "${guidance[@]}" --out "$work/$which.h5" --png "$work/$which.png" \
      >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; echo "compare_commits.sh: sampling failed" >&2; exit 2; }
    if command -v h5dump >/dev/null; then h5dump -d /samples/raw -b LE -o "$work/$which.raw" "$work/$which.h5" >/dev/null; else cp "$work/$which.png" "$work/$which.raw"; fi
  done
  same "$variant: samples" "$work/before.raw" "$work/after.raw"
done
[ "$status" = 0 ] && echo "the same bits"
exit "$status"
