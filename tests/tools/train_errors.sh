# Mistakes and mishaps while training: one message, the right exit code, earlier checkpoints whole.
source "$(dirname "$0")/lib.sh"
require_mpirun
tiny_run
two=("${mpirun[@]}" -n 2)

expect 2 "${two[@]}" "$program" train "$work/tiny.ini" --train.stepz 4
says_once "pathline: error:"
says "train.steps"
expect 2 "$program" train "$work/tiny.ini" --train.global_batch -4
says "--train.global_batch"
expect 2 "${two[@]}" "$program" train "$work/tiny.ini" --parallel.reduction fast --train.micro_batch 0 --train.global_batch 5
says_once "pathline: error:"
says "train.global_batch"
expect 2 "$program" train "$work/tiny.ini" --parallel.backend mpi
says "parallel.backend"
expect 2 "$program" train
expect 4 "$program" train "$work/missing.ini"
expect 4 "$program" train "$work/tiny.ini" --data.shards "$work/nowhere"
expect 2 "$program" train "$work/tiny.ini" --network.classes 3
says "network.classes" "10"
[ ! -e "$work/run" ] || fail "a refused run left a checkpoint folder"

expect 0 "$program" train "$work/tiny.ini" --print-config
says "global_batch = 16"
expect 0 "$program" train --help
says "train.global_batch" "75"
expect 0 "${two[@]}" "$program" train "$work/tiny.ini" --dry-run
says "2 ranks"
[ ! -e "$work/run" ] || fail "a dry run wrote something"

# A shard whose images have changed on disk: the rank that reads one says so, both end.
cp -r "$work/shards" "$work/damaged"
needle=$(tail -c +17 "$work/idx/train-images-idx3-ubyte" | head -c 64 | od -An -v -tx1 | tr -d ' \n')
before=$(od -An -v -tx1 "$work/damaged/shard-00000.h5" | tr -d ' \n')
[ "${before/$needle/}" != "$before" ] || fail "the first image is not in the shard"
before=${before%%"$needle"*}
printf '\xff\x00\xff\x00' | dd of="$work/damaged/shard-00000.h5" bs=1 seek=$((${#before} / 2 + 10)) conv=notrunc status=none
expect 3 "${two[@]}" "$program" train "$work/tiny.ini" --data.shards "$work/damaged"
says_once "pathline: error:"
says "shard-00000.h5"
rm -rf "$work/run" "$work/log"

# No room for a checkpoint: files may grow to 20 KiB only, as on a full disk. What was there before stays whole.
expect 0 "$program" train "$work/tiny.ini" --train.steps 10
expect 4 bash -c 'ulimit -f 20; exec "$@"' full "$program" train "$work/tiny.ini" --train.steps 20
says_once "pathline: error:"
expect 0 "$program" checkpoint verify "$work/run"
[ "$(find "$work/run" -mindepth 1 -maxdepth 1 ! -name .lock | wc -l)" = 1 ] || fail "a failed checkpoint left something behind"

# A real full disk, where mounting one is allowed.
mkdir "$work/small"
room=$(($(du -sk "$work/run/step-000000010" | cut -f1) * 5 / 2))  # for two checkpoints, not three
if mount -t tmpfs -o "size=${room}k" tmpfs "$work/small" 2>/dev/null; then
  trap 'umount "$work/small"; clean_up' EXIT
  expect 4 "${two[@]}" "$program" train "$work/tiny.ini" --checkpoint.dir "$work/small/run" --checkpoint.keep 1000
  says_once "pathline: error:"
  says "rank 0 of 2"
  expect 0 "$program" checkpoint verify "$work/small/run"
  [ "$(grep -c whole "$work/output")" = 2 ] || fail "expected two whole checkpoints on the full disk"
fi

# A folder that cannot be written to is found before the first step, also by a dry run, which leaves nothing behind. First a full one: files may not grow
# at all, and the output goes through a pipe.
without_room() { (ulimit -f 0; exec "$program" "$@") 2>&1 | cat; return "${PIPESTATUS[0]}"; }
mkdir "$work/full"
expect 4 without_room train "$work/tiny.ini" --checkpoint.dir "$work/full/run" --dry-run
says_once "pathline: error:"
says "checkpoint.dir: "
[ -z "$(ls -A "$work/full")" ] || fail "a dry run left something behind: $(ls -A "$work/full")"

# Then one without the right to: root may write anywhere, so somebody else tries.
as_user=()
[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
chmod 755 "$work"
if "${as_user[@]}" test -x "$program" -a -r "$work/shards/index.json" 2>/dev/null; then
  mkdir "$work/owned"
  [ "$(id -u)" != 0 ] || chown 65534:65534 "$work/owned"
  sed "s,$work/\(run\|log\),$work/owned/\1," "$work/tiny.ini" >"$work/owned.ini"
  mine=("${as_user[@]}" "$program" train "$work/owned.ini")
  expect 0 "${mine[@]}" --train.steps 1
  for folder in run log; do
    chmod 555 "$work/owned/$folder"
    for dry_run in "" --dry-run; do
      expect 4 "${mine[@]}" --log.every 1 $dry_run
      says "Permission denied" "$work/owned/$folder"
      if grep -q "step 2" "$work/output"; then fail "training began in a folder that cannot be written to"; fi
    done
    chmod 755 "$work/owned/$folder"
  done
  chmod 555 "$work/owned"
  for setting in checkpoint.dir log.dir log.trace log.samples; do
    expect 4 "${mine[@]}" --dry-run "--$setting" "$work/owned/missing/prefix"
    says "$setting: " "Permission denied"
  done
  expect 0 "${mine[@]}" --train.steps 2
fi

# Two runs into one folder.
"$program" train "$work/tiny.ini" --train.steps 100000 >"$work/first" 2>&1 &
first=$!
wait_for_line "training with" "$work/first"  # the lock is held by then
expect 2 "$program" train "$work/tiny.ini" --train.steps 100000
says "another process"
expect 2 "$program" train "$work/tiny.ini" --train.steps 100000 --checkpoint.dir "$work/other"
says "another process" "log.dir"
kill -TERM "$first"
wait "$first"
code=$?
[ "$code" = 75 ] || fail "expected exit code 75 after SIGTERM, found $code"
