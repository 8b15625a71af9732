#!/usr/bin/env bash
# Kills a training run again and again, SIGKILL to a random rank or to mpirun itself, at a random moment, and starts it again with other numbers of
# ranks in turn. At the end the weights must be those of a run that nobody disturbed, to the bit; no process may outlive its job; every record must be in
# the log once, and every sample must have been seen once per epoch. By hand, not in CTest: about three seconds per kill on two idle cores.
#
#   tests/soak/kills.sh KILLS [SEED [RANKS]]        RANKS: numbers of ranks, 1,2,4 by default; PATHLINE=FILE: another program than build/bin/pathline
set -uo pipefail
[ $# -ge 1 ] && [ $# -le 3 ] && [ "$1" -gt 0 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
kills=$1 seed=${2:-1}
IFS=, read -ra counts <<<"${3:-1,2,4}"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
set -- "$(realpath "${PATHLINE:-$root/build/bin/pathline}")" "$root" "$root/build"
source "$root/tests/tools/lib.sh"
require_mpirun
tiny_run
RANDOM=$seed
mkdir "$work/tmp"
# More ranks than cores must yield while they wait; and what a killed mpirun leaves behind should lie where it is removed.
mpirun+=(--mca mpi_yield_when_idle 1 --mca orte_tmpdir_base "$work/tmp" --mca btl_vader_backing_directory "$work/tmp")
settings=(--checkpoint.every 5 --checkpoint.keep 3 --log.samples "$work/samples")

newest_step() {
  local newest
  newest=$(find "$work/run" -maxdepth 1 -name 'step-*' 2>/dev/null | sort | tail -n 1)
  newest=${newest##*/step-}
  echo $((10#${newest:-0}))
}

ranks_of() {
  local child
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
    [ "$(cat "/proc/$child/comm" 2>/dev/null)" = pathline ] && echo "$child"
  done
}

# Ranks of this test, and mpirun, that still run.
survivors() {
  local entry name
  for entry in /proc/[0-9]*; do
    { read -r name <"$entry/comm"; } 2>/dev/null || continue
    case "$name" in
      pathline | mpirun) grep -qaF -- "$work/tiny.ini" "$entry/cmdline" 2>/dev/null && echo "${entry#/proc/}" ;;
    esac
  done
}

# pause_up_to MILLISECONDS
pause_up_to() { sleep "$(printf '0.%04d' $((RANDOM % $1 * 10)))"; }

declare -A killed=([rank]=0 [mpirun]=0)
for ((kill = 1; kill <= kills; ++kill)); do
  ranks=${counts[kill % ${#counts[@]}]}
  begun=$(newest_step)
  "${mpirun[@]}" -n "$ranks" "$program" train "$work/tiny.ini" --train.steps 1000000 "${settings[@]}" >"$work/output" 2>&1 &
  job=$!
  # One in four dies while it starts, the others when they have got somewhere.
  if ((RANDOM % 4)); then
    for ((i = 0; i < 600; ++i)); do
      (($(newest_step) > begun)) && break
      [ -e "/proc/$job/exe" ] || fail "kill $kill: the run with $ranks ranks ended by itself"
      sleep 0.1
    done
    ((i < 600)) || fail "kill $kill: the run with $ranks ranks made no progress in a minute"
    [ "$(survivors | wc -l)" = $((ranks + 1)) ] || fail "kill $kill: expected mpirun and $ranks ranks to run"
  fi
  pause_up_to 900
  targets=("$job" $(ranks_of "$job"))
  victim=${targets[RANDOM % ${#targets[@]}]}
  [ "$victim" = "$job" ] && kind=mpirun || kind=rank
  kill -KILL "$victim" || fail "kill $kill: the run with $ranks ranks ended by itself"
  wait "$job" 2>/dev/null && fail "kill $kill: the job ended with code 0 although a process was killed"
  for ((i = 0; i < 150; ++i)); do
    left=$(survivors)
    [ -z "$left" ] && break
    sleep 0.2
  done
  [ -z "$left" ] || fail "kill $kill: process(es) $left of $ranks ranks outlived the kill of $kind"
  killed[$kind]=$((killed[$kind] + 1))
  echo "kill $kill: of $kind, $ranks rank(s); steps $begun to $(newest_step); all gone after $((i / 5)).$((i % 5 * 2)) s"
done

steps=$((($(newest_step) + 29) / 10 * 10))
last=$(printf 'step-%09d' "$steps")
expect 0 "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" --train.steps "$steps" "${settings[@]}"
mpirun_long=("${mpirun[@]/#120/600}")
expect 0 "${mpirun_long[@]}" -n 2 "$program" train "$work/tiny.ini" --train.steps "$steps" --checkpoint.every 0 --checkpoint.dir "$work/undisturbed" --log.dir "$work/log-undisturbed" --log.samples "$work/samples-undisturbed"
same_bits "$work/run/$last" "$work/undisturbed/$last"
records() { grep -o '"kind":"train","step":[0-9]*' "$1/metrics.jsonl"; }
cmp -s <(records "$work/log") <(records "$work/log-undisturbed") || fail "the records of metrics.jsonl are not those of the undisturbed run"
# Every sample exactly once per epoch: lines that a restart wrote again are equal, so they count once. Each step takes 16 of 60 samples.
sort -u "$work"/samples.rank-* | awk -v last="$steps" '$1 <= last {print $2, $3}' | sort >"$work/seen"
[ -z "$(uniq -d "$work/seen")" ] || fail "samples seen twice in an epoch: $(uniq -d "$work/seen" | head -n 5 | tr '\n' ';')"
[ "$(wc -l <"$work/seen")" = $((steps * 16)) ] || fail "expected $((steps * 16)) samples, found $(wc -l <"$work/seen")"
echo "$steps steps, $kills kills (${killed[rank]} of a rank, ${killed[mpirun]} of mpirun), seed $seed: the same bits as undisturbed"
