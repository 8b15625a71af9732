# Damaged, unreadable and forged checkpoints in the folder of a run: training goes on from the newest whole one, keeps what it writes itself, or says in
# one message what is wrong.
source "$(dirname "$0")/lib.sh"
tiny_run
run=$work/run
train() { "$program" train "$work/tiny.ini" "$@"; }

# All that are there are damaged and of later steps: the run begins anew, and its own checkpoints stay.
expect 0 train --train.steps 20 --checkpoint.keep 2
for step in "$run"/step-*; do printf 'x' | dd of="$step/model.safetensors" bs=1 seek=5000 conv=notrunc status=none; done
expect 0 train --train.steps 4 --checkpoint.every 1 --checkpoint.keep 2
says "training begins anew" "trained to step 4"
[ "$(ls "$run" | tr '\n' ' ')" = "step-000000003 step-000000004 step-000000010 step-000000020 " ] || fail "found in the folder: $(ls "$run")"
expect 0 "$program" checkpoint info "$run"
says "step 4"
expect 0 train --train.steps 20 --checkpoint.keep 2
[ "$(ls "$run" | tr '\n' ' ')" = "damaged-step-000000010 damaged-step-000000020 step-000000010 step-000000020 " ] || fail "found in the folder: $(ls "$run")"

# Something else in place of the manifest, and one that cannot be read (the beginning of /proc/self/mem gives EIO): the older one is taken, nothing hangs.
expect 0 train --train.steps 30
rm -r "$run"/damaged-* "$run"/step-000000010
newest=$run/step-000000030
for obstacle in "mkdir" "mkfifo" "ln -s /dev/zero" "ln -s /proc/self/mem"; do
  mv "$newest/MANIFEST.json" "$work/manifest"
  $obstacle "$newest/MANIFEST.json"
  expect 0 timeout 60 "$program" train "$work/tiny.ini" --train.steps 20
  says "$newest/MANIFEST.json" "already trained to step 20"
  expect 0 timeout 60 "$program" checkpoint info "$run"
  says "step 20"
  rm -r "$newest/MANIFEST.json"
  mv "$work/manifest" "$newest/MANIFEST.json"
done

# The only one cannot be read: that is said, and not taken for a folder without checkpoints.
mkdir "$work/alone"
cp -r "$newest" "$work/alone"
ln -sf /proc/self/mem "$work/alone/step-000000030/MANIFEST.json"
expect 4 train --checkpoint.dir "$work/alone"
says "Input/output error"

# forged OLD NEW: a copy of the newest checkpoint, alone in $work/forged, with another state.json and a manifest that fits it.
forged() {
  rm -rf "$work/forged"
  mkdir "$work/forged"
  cp -r "$newest" "$work/forged"
  local folder=$work/forged/step-000000030 before bytes hash
  before=$(sha256sum <"$folder/state.json")
  bytes=$(stat -c %s "$folder/state.json")
  sed -i "s|$1|$2|" "$folder/state.json"
  cmp -s "$folder/state.json" "$newest/state.json" && fail "state.json lacks $1"
  hash=$(sha256sum <"$folder/state.json")
  sed -i -z "s|\"bytes\": $bytes,\([^}]*\)${before%% *}|\"bytes\": $(stat -c %s "$folder/state.json"),\1${hash%% *}|" "$folder/MANIFEST.json"
}

forged '"position": [0-9]*' '"position": 481'
expect 3 train --checkpoint.dir "$work/forged"
says_once "pathline: error:"
says "state.position: expected a multiple of the 16 images of a batch"
for change in '"step": -1' '"step": 2.7' '"step": 9223372036854775808' '"step": 31' '"ema_images": -1e308' '"path": "lineax"' '"prediction": "x1"' \
  '"res_blocks": 1000000000'; do
  forged "${change%%:*}: [^,]*" "$change"
  expect 3 "$program" checkpoint info "$work/forged/step-000000030"
  says_once "pathline: error:"
  says "state.json" "$(echo "${change%%:*}" | tr -d '"')"
done
forged '"res_blocks": 1' '"res_blocks": 64'
forged '"channels": 32' '"channels": 4096'
expect 3 bash -c 'ulimit -v 8000000; exec "$@"' small "$program" checkpoint verify "$work/forged/step-000000030"
says "the tensors do not fit"
