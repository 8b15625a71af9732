#!/usr/bin/env bash
# Damages checkpoints and shards in every way a disk or a hand may, and looks whether the program sees it: `checkpoint verify` and `shards verify` must
# end with code 3 and name the file, `checkpoint info` of the folder above and a resumed run must fall back to the newest whole checkpoint. By hand, not
# in CTest: about two seconds per checkpoint and half a second per flipped bit on two idle cores.
#
#   tests/soak/damage.sh [CHECKPOINTS [FLIPS [SEED]]]        default: 300 2000 1; PATHLINE=FILE: another program than build/bin/pathline;
#   PATIENCE: seconds for one command, 60 by default: a command that takes longer is taken for hanging (code 124 or 137)
set -uo pipefail
[ $# -le 3 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
checkpoints=${1:-300} flips=${2:-2000} seed=${3:-1}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
set -- "$(realpath "${PATHLINE:-$root/build/bin/pathline}")" "$root" "$root/build"
source "$root/tests/tools/lib.sh"
export OMP_NUM_THREADS=1
tiny_run
RANDOM=$seed
below() { echo $(((RANDOM << 30 | RANDOM << 15 | RANDOM) % $1)); }
problems=0 patience=${PATIENCE:-60}
# problem TEXT: goes on, so that one run shows all there is to mend.
problem() {
  echo "NOT SEEN: $*"
  grep -vE '^ *$' "$work/output" | tail -n 3 | sed 's/^/    | /'
  problems=$((problems + 1))
}
code_of() {
  code=0
  timeout -k 10 "$patience" "$@" >"$work/output" 2>&1 </dev/null || code=$?
}

# flip FILE BYTE BIT
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf '%b' "\\x$(printf %02x $((byte ^ 1 << $3)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# damage WAY FILE: FILE belongs to step-000000006.
damage() {
  local size other
  size=$(stat -c %s "$2")
  case "$1" in
    flipped-bit) flip "$2" "$(below "$size")" "$(below 8)" ;;
    truncated) truncate -s "$(below "$size")" "$2" ;;
    emptied) : >"$2" ;;
    longer) printf 'x' >>"$2" ;;
    zeroed) dd if=/dev/zero of="$2" bs=1 seek="$(below "$size")" count=4096 conv=notrunc status=none && truncate -s "$size" "$2" ;;
    missing) rm "$2" ;;
    of-another-step) cp "$work/run/step-000000004/${2##*/}" "$2" ;;
    swapped) # with the next file of the same checkpoint
      other=${files[(file + 1) % ${#files[@]}]}
      mv "$2" "$work/swap" && mv "${2%/*}/$other" "$2" && mv "$work/swap" "${2%/*}/$other"
      ;;
    fifo) rm "$2" && mkfifo "$2" ;;
    folder) rm "$2" && mkdir "$2" ;;
    broken-link) rm "$2" && ln -s nowhere "$2" ;;
    link-to-device) rm "$2" && ln -s /dev/zero "$2" ;;
    link-to-folder) rm "$2" && ln -s . "$2" ;;
  esac
}
files=(MANIFEST.json state.json config.ini model.safetensors ema.safetensors optimizer.safetensors)
ways=(flipped-bit flipped-bit truncated emptied longer zeroed missing of-another-step swapped fifo folder broken-link link-to-device link-to-folder)

# Checkpoints at steps 2, 4, 6; the last one suffers.
expect 0 "$program" train "$work/tiny.ini" --train.steps 6 --checkpoint.every 2
cp -a "$work/run" "$work/whole"
newest=$work/run/step-000000006
declare -A tried
for ((i = 0; i < checkpoints; ++i)); do
  rm -rf "$work/run"
  cp -a "$work/whole" "$work/run"
  way=${ways[i % ${#ways[@]}]} file=$(((i / ${#ways[@]} + i % ${#ways[@]}) % ${#files[@]})) # every way meets every file
  name=${files[file]}
  damage "$way" "$newest/$name"
  diff -rq --no-dereference "$work/whole" "$work/run" >/dev/null 2>&1 </dev/null && continue # zeroes over zeroes
  tried[$way]=$((${tried[$way]:-0} + 1))
  code_of "$program" checkpoint verify "$newest"
  [ "$code" = 3 ] || problem "$way $name: checkpoint verify ends with code $code"
  # A manifest that was changed accuses another file, and of two swapped files either may be named.
  case "$way,$name" in
    *,MANIFEST.json | swapped,*) grep -qF "$newest/" "$work/output" || problem "$way $name: verify names no file" ;;
    *) grep -qF "$newest/$name" "$work/output" || problem "$way $name: verify does not name it" ;;
  esac
  code_of "$program" checkpoint info "$work/run"
  { [ "$code" = 0 ] && grep -qE '^progress +step 4,' "$work/output"; } || problem "$way $name: checkpoint info of the folder above (code $code)"
  # Every seventh to the end, where it must give the bits of an undisturbed run.
  if ((i % 7)); then
    code_of "$program" train "$work/tiny.ini" --train.steps 6 --checkpoint.every 2 --dry-run
    { [ "$code" = 0 ] && grep -qF "step 4" "$work/output"; } || problem "$way $name: resuming (dry run, code $code)"
  else
    code_of "$program" train "$work/tiny.ini" --train.steps 6 --checkpoint.every 2
    [ "$code" = 0 ] || problem "$way $name: resuming ends with code $code"
    for part in model ema optimizer; do
      cmp -s "$newest/$part.safetensors" "$work/whole/step-000000006/$part.safetensors" || problem "$way $name: resumed, $part has other bits"
    done
  fi
done
for way in "${!tried[@]}"; do echo "  $way: ${tried[$way]}"; done | sort
echo "$checkpoints checkpoints damaged"

parts=("$work"/shards/*)
for ((i = 0; i < flips; ++i)); do
  part=${parts[$(below ${#parts[@]})]}
  byte=$(below "$(stat -c %s "$part")") bit=$(below 8)
  flip "$part" "$byte" "$bit"
  code_of "$program" shards verify "$work/shards"
  [ "$code" = 3 ] || problem "bit $bit of byte $byte of ${part##*/}: shards verify ends with code $code"
  grep -qF "${part##*/}" "$work/output" || problem "bit $bit of byte $byte of ${part##*/}: shards verify does not name it"
  flip "$part" "$byte" "$bit"
done
expect 0 "$program" shards verify "$work/shards"
echo "$flips bits flipped in ${#parts[@]} files of a data set"
echo "$problems problems, seed $seed"
[ "$problems" = 0 ]
