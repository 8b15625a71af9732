#!/usr/bin/env bash
# Every command that writes, run once for each call to the system that it makes and each way in which that call can fail (inject.c, preloaded, lets
# it fail). Each time it must end as documented (code 4 and a message that names the file and the system's reason; code 0 where a signal or a short
# write is all that happened, or where it can do without, and says so), every file must be the old or the new one, whole, nothing may be left behind
# that no message names, and the same command must then succeed and give what an undisturbed run gives.
#
#   tests/faults/faults.sh PROGRAM SOURCE_DIR BINARY_DIR [--sample N | --all | --list] [--seed S] [COMMAND …]
#
#   --sample N   N of these runs, spread evenly over all (default 30); --all: all; --list: only count the calls
#   --seed S     which ones; printed, so that a sample can be repeated
#   COMMAND      create-idx create-folder info train train-2 resume sample sweep fit new export import (default: all but train-2, which is two ranks)
source "$(dirname "${BASH_SOURCE[0]}")/../tools/lib.sh"
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
inject=$3/tests/libinject.so
shift 3
sample=30 seed=$((RANDOM % 1000)) cases=()
while [ $# -gt 0 ]; do
  case "$1" in
    --sample) sample=$2; shift ;;
    --all) sample=all ;;
    --list) sample=none ;;
    --seed) seed=$2; shift ;;
    -*) sed -n '2,12s/^# \{0,1\}//p' "$here/faults.sh" >&2; exit 2 ;;
    *) cases+=("$1") ;;
  esac
  shift
done
[ ${#cases[@]} -gt 0 ] || cases=(create-idx create-folder info train resume sample sweep fit new export import)
[ -f "$inject" ] || skip "no $inject"
source "$here/cases.sh"
w=$work/w # where the commands read and write; what lies elsewhere is not disturbed
export OMP_NUM_THREADS=1
kinds=(open read write fsync rename mkdir unlink truncate)
declare -A reasons=([ENOSPC]="No space left on device" [EIO]="Input/output error" [EINTR]="Interrupted system call" [short]="")

ways_of() {
  case "$1" in
    read) echo EIO EINTR ;;
    write) echo ENOSPC EIO EINTR short ;;
    *) echo ENOSPC EIO EINTR ;;
  esac
}

# run_disturbed [KIND NUMBER WAY]: the command of this case under the library; without arguments it is only counted. The exit code is in $code.
run_disturbed() {
  local settings=(FAULT_FOLDER="$w" FAULT_COUNT_FILE="$work/counts" FAULT_TRACE="$work/trace" LD_PRELOAD="$inject")
  [ $# -eq 0 ] || settings+=(FAULT_CALL="$1" FAULT_NUMBER="$2" FAULT_ERRNO="$3")
  rm -rf "$w" "$work/trace"
  cp -a "$work/template-$case" "$w"
  : >"$work/counts"
  : >"$work/trace"
  code=0
  env "${settings[@]}" timeout -k 10 300 "${command[@]}" >"$work/output" 2>&1 </dev/null || code=$?
}

run_undisturbed() {
  code=0
  timeout -k 10 300 "${command[@]}" >"$work/output" 2>&1 </dev/null || code=$?
}

# named PATH: the last output, or the one before, names a part of this path below $w.
named() {
  local part
  for part in ${1//\// }; do
    # The temporary of a file is called by the file's name.
    [[ $part =~ ^\.(.+)\.tmp-[0-9a-f]+-[0-9]+-[0-9]+$ ]] && part=${BASH_REMATCH[1]}
    grep -qF -- "$part" "$work/output" "$work/output-before" 2>/dev/null && return 0
  done
  return 1
}

# whole_log PATH FILE: a log that is appended to: whole records, as many as there were when the run ended.
whole_log() {
  [[ $1 =~ ^log/metrics.*\.jsonl$|^samples\.rank-[0-9]+$ ]] && [ -z "$(tail -c 1 "$2")" ]
}

# leftovers OUTCOME: what is wrong with the files below $w, a line each. OUTCOME new: all must be as after an undisturbed run; any: each file may
# also be as it was before.
leftovers() {
  local path before=$work/template-$case after=$work/reference-$case
  local checked=
  while read -r path; do
    [[ $path == run/step-*/* && $path == "$checked"/* ]] && continue
    if [ -d "$w/$path" ]; then
      [[ $path =~ ^run/step-[0-9]+$ ]] && { checked=$path; whole_checkpoint "$w/$path" || echo "not whole: $path"; continue; }
      [ -d "$after/$path" ] || [ -d "$before/$path" ] || may_stay "$path" || named "$path" || echo "left behind: $path/"
    elif [ -e "$after/$path" ] && same "$path" "$w/$path" "$after/$path"; then
      :
    elif [ "$1" = any ] && [ -e "$before/$path" ] && cmp -s "$w/$path" "$before/$path"; then
      :
    elif [ "$1" = any ] && [ -e "$after/$path" ] && whole_log "$path" "$w/$path"; then
      :
    elif [ -e "$after/$path" ] || [ -e "$before/$path" ]; then
      echo "neither old nor new: $path"
    else
      may_stay "$path" || named "$path" || echo "left behind: $path"
    fi
  done < <(cd "$w" && find . -mindepth 1 | sed 's,^\./,,' | sort)
  if [ "$1" = new ]; then
    while read -r path; do [ -e "$w/$path" ] || echo "missing: $path"; done < <(cd "$after" && find . -mindepth 1 | must_exist)
  else
    while read -r path; do
      [ -e "$w/$path" ] || [ ! -e "$after/$path" ] || echo "lost: $path"
    done < <(cd "$before" && find . -mindepth 1 | must_exist)
  fi
  still_there
}

# A run whose KIND call NUMBER fails in this WAY; problems go to standard output, a line each.
check_one() {
  local kind=$1 number=$2 way=$3 failed name
  rm -f "$work/output-before"
  run_disturbed "$kind" "$number" "$way"
  failed=$(sed -n "s/^FAILED $kind //p" "$work/trace")
  [ -n "$failed" ] || { echo "not met"; return; }
  name=${failed##*/}
  [[ $name =~ ^\.(.+)\.tmp-[0-9a-f]+-[0-9]+-[0-9]+$ ]] && name=${BASH_REMATCH[1]}
  if [ "$way" = EINTR ] || [ "$way" = short ]; then
    [ "$code" = 0 ] || echo "code $code, expected 0 ($failed)"
    leftovers new
    return
  fi
  case "$code" in
    0)
      can_do_without "$kind" "$failed" || { grep -qF -- "$name" "$work/output" && grep -qF -- "${reasons[$way]}" "$work/output"; } ||
        echo "code 0 without a word of $failed"
      leftovers new
      ;;
    4)
      grep -qF -- "${reasons[$way]}" "$work/output" || echo "the message lacks the reason '${reasons[$way]}' ($failed)"
      grep -qF -- "${name:-$w}" "$work/output" || echo "the message does not name $name ($failed)"
      leftovers any
      ;;
    *) echo "code $code, expected 4 ($failed)" ;;
  esac
  cp "$work/output" "$work/output-before"
  run_undisturbed
  [ "$code" = 0 ] || echo "the same command again: code $code"
  leftovers new
}

make_inputs
declare -A calls
runs=() # "CASE KIND NUMBER WAY"
for case in "${cases[@]}"; do
  make_case "$case"
  run_disturbed
  [ "$code" = 0 ] || fail "$case: undisturbed it ends with code $code"
  rm -rf "$work/reference-$case"
  cp -a "$w" "$work/reference-$case"
  for kind in "${kinds[@]}"; do
    calls[$case,$kind]=$(grep -c "^$kind " "$work/trace")
    for way in $(ways_of "$kind"); do
      for ((number = 1; number <= calls[$case,$kind]; ++number)); do runs+=("$case $kind $number $way"); done
    done
  done
  problems=$(leftovers new)
  [ -z "$problems" ] || fail "$case: undisturbed: $problems"
done

printf '%-14s' command "${kinds[@]}" | sed 's/ *$//'
echo
for case in "${cases[@]}"; do
  printf '%-14s' "$case"
  for kind in "${kinds[@]}"; do printf '%-14s' "${calls[$case,$kind]}"; done | sed 's/ *$//'
  echo
done
echo "${#runs[@]} runs in all"
[ "$sample" != none ] || exit 0
if [ "$sample" = all ] || ((sample > ${#runs[@]})); then sample=${#runs[@]}; fi

met=0 bad=0
start=$SECONDS
for ((i = 0; i < sample; ++i)); do
  # Evenly spread; the seed moves them within their stretch.
  at=$(((i * ${#runs[@]} + seed * 7919 % ${#runs[@]}) / sample % ${#runs[@]}))
  read -r case kind number way <<<"${runs[at]}"
  make_case "$case"
  problems=$(check_one "$kind" "$number" "$way")
  [ "$problems" = "not met" ] && continue
  met=$((met + 1))
  [ -z "$problems" ] && continue
  bad=$((bad + 1))
  printf '%s: %s call %s, %s:\n%s\n' "$case" "$kind" "$number" "$way" "${problems//$'\n'/$'\n'  }"
  { cat "$work/output-before" 2>/dev/null || cat "$work/output"; } | grep -vE '^ *$|training with|^ *[a-z. ]+ +=' | tail -n 4 | sed 's/^/    | /'
done
echo "$met faults met of $sample tried, $bad with problems; seed $seed, $((SECONDS - start)) s"
[ "$bad" = 0 ] && [ "$met" -gt 0 ]
