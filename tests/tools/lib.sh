# Shared by the program tests: a folder that removes itself, checks with clear words, tiny data, mpirun with a time limit.
# Called as: bash CASE.sh PROGRAM SOURCE_DIR BINARY_DIR. Exit code 77: skipped.
set -uo pipefail
program=$1
source_dir=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/pathline-program-XXXXXX")
clean_up() {
  local job
  for job in $(jobs -p); do kill "$job" 2>/dev/null; done
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*" >&2
  [ -f "$work/output" ] && tail -n 40 "$work/output" >&2
  exit 1
}

skip() {
  echo "skipped: $*"
  exit 77
}

# expect CODE COMMAND …: runs it, output into $work/output, and compares the exit code.
expect() {
  local wanted=$1 code=0
  shift
  "$@" >"$work/output" 2>&1 </dev/null || code=$?
  [ "$code" = "$wanted" ] || fail "expected exit code $wanted, found $code: $*"
}

# says TEXT …: each one occurs in the last output.
says() {
  local text
  for text in "$@"; do grep -qF -- "$text" "$work/output" || fail "the output lacks: $text"; done
}

# says_once TEXT: on exactly one line of the last output.
says_once() {
  local lines
  lines=$(grep -cF -- "$1" "$work/output")
  [ "$lines" = 1 ] || fail "expected one line with '$1', found $lines"
}

require_mpirun() {
  command -v mpirun >/dev/null || skip "no mpirun"
  mpirun=(mpirun --timeout 120 --bind-to none --oversubscribe)
  if [ "$(id -u)" = 0 ]; then mpirun+=(--allow-run-as-root); fi
}

# tiny_idx FOLDER COUNT: COUNT 8x8 images in ten classes, as IDX files. The pixels are bytes of the program: arbitrary, but always the same.
tiny_idx() {
  mkdir -p "$1"
  { printf '\0\0\x08\x03\0\0\0%b\0\0\0\x08\0\0\0\x08' "\\x$(printf %02x "$2")" && head -c $((64 * $2)) < <(tail -c 200000 "$program"); } >"$1/train-images-idx3-ubyte"
  { printf '\0\0\x08\x01\0\0\0%b' "\\x$(printf %02x "$2")" && for ((i = 0; i < $2; ++i)); do printf "\\x0$((i % 10))"; done; } >"$1/train-labels-idx1-ubyte"
}

# tiny_run: shards in $work/shards, a configuration of a tiny network in $work/tiny.ini.
tiny_run() {
  tiny_idx "$work/idx" 60
  expect 0 "$program" shards create --from idx --input "$work/idx" --split train --out "$work/shards"
  tiny_settings
}

# tiny_settings: the configuration alone.
tiny_settings() {
  cat >"$work/tiny.ini" <<INI
[data]
shards = $work/shards
threads = 1
[network]
channels = 32
channel_mult = 1,1
attention =
head_channels = 32
classes = 10
[train]
steps = 200
global_batch = 16
micro_batch = 4
threads = 1
[parallel]
reduction = reproducible
[checkpoint]
dir = $work/run
every = 10
keep = 1000
[log]
dir = $work/log
every = 10
preview_every = 0
INI
}

# same_bits A B: the tensors and the state of two checkpoint folders are equal.
same_bits() {
  local file
  for file in model.safetensors ema.safetensors optimizer.safetensors state.json; do
    cmp -s "$1/$file" "$2/$file" || fail "$file differs between $1 and $2"
  done
}

# wait_for FILE: until it exists, at most a minute.
wait_for() {
  local i
  for ((i = 0; i < 600; ++i)); do
    [ -e "$1" ] && return
    sleep 0.1
  done
  fail "$1 did not appear"
}

# wait_for_line TEXT FILE: until one has it, at most a minute.
wait_for_line() {
  local i
  for ((i = 0; i < 600; ++i)); do
    grep -qF -- "$1" "$2" 2>/dev/null && return
    sleep 0.1
  done
  fail "$2 lacks: $1"
}

# rank_of MPIRUN_PID: process id of its last rank on this machine.
rank_of() {
  local child found=""
  for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
    [ "$(cat /proc/"$child"/comm 2>/dev/null)" = pathline ] && found=$child
  done
  [ -n "$found" ] || fail "mpirun has no rank running"
  echo "$found"
}
