# Every word of [flow] trains, is recorded, resumes and samples; unknown words are refused wherever they stand; checkpoints of versions before there
# was a choice still load.
source "$(dirname "$0")/lib.sh"
tiny_run
# train STEPS FOLDER OPTIONS…
train() {
  local steps=$1 folder=$2
  shift 2
  "$program" train "$work/tiny.ini" --checkpoint.every 1 --train.steps "$steps" --checkpoint.dir "$folder" --log.dir "$folder-log" "$@"
}
sample=("$program" sample --solver euler --steps 2 --count 2 --threads 1)

# try KEY WORD: two steps, in two parts, and a sample.
try() {
  local here=$work/$1-$2
  expect 0 train 1 "$here/run" "--flow.$1" "$2"
  expect 0 train 2 "$here/run" "--flow.$1" "$2"
  expect 0 "$program" checkpoint info "$here/run"
  says "step 2" "$2"
  grep -qF "\"$2\"" "$here/run/step-000000002/state.json" || fail "state.json lacks $2"
  expect 0 "${sample[@]}" "$here/run" --out "$here/samples.h5"
}
for word in linear; do try path "$word"; done
for word in velocity; do try prediction "$word"; done
for word in uniform logit-normal:0.3,1.5; do try time "$word"; done
for word in independent; do try coupling "$word"; done
for word in velocity; do try objective "$word"; done

# Older keys: the same run, and it goes on under either name.
expect 0 train 2 "$work/older" --flow.time logit-normal --flow.time_mean 0.3 --flow.time_std 1.5
cmp -s "$work/older/step-000000002/model.safetensors" "$work/time-logit-normal:0.3,1.5/run/step-000000002/model.safetensors" || fail "the older keys give another run"
expect 0 train 3 "$work/older" --flow.time logit-normal:0.3,1.5
expect 2 train 4 "$work/older" --flow.time logit-normal:0.4,1.5
says "flow.time: logit-normal:0.3,1.5 in the checkpoint, logit-normal:0.4,1.5 now"

# Unknown words in a configuration: code 2, the key, the nearest.
for key in path prediction time coupling objective; do
  expect 2 train 2 "$work/none" "--flow.$key" "velocitty"
  says_once "pathline: error:"
  says "--flow.$key" "unknown"
done
expect 2 train 2 "$work/none" --flow.path linera
says "did you mean linear?"
[ ! -e "$work/none" ] || fail "a refused run left a checkpoint folder"

# rewrite FOLDER SED: changes state.json and makes the manifest fit it again.
rewrite() {
  sed -i -z "$2" "$1/state.json"
  python3 - "$1/MANIFEST.json" "$1/state.json" <<'PY'
import hashlib, json, sys
manifest, state = sys.argv[1:]
with open(manifest) as f: whole = json.load(f)
with open(state, "rb") as f: data = f.read()
whole["files"]["state.json"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
with open(manifest, "w") as f: json.dump(whole, f)
PY
}

# Unknown words in a checkpoint: code 3, the file, the nearest.
step=$work/damaged/step-000000002
for change in 's/"path": "linear"/"path": "linaer"/' 's/"prediction": "velocity"/"prediction": "velocit"/' 's/"time": "uniform"/"time": "uniformly"/'; do
  rm -rf "$work/damaged"
  cp -r "$work/path-linear/run" "$work/damaged"
  rewrite "$step" "$change"
  for command in "checkpoint info" "checkpoint verify" "sample --solver euler --steps 2 --count 2 --out $work/x.h5"; do
    read -r -a words <<<"$command"
    expect 3 "$program" "${words[@]}" "$step"
    says "state.json" "unknown" "did you mean"
  done
done

# A checkpoint from before there was a choice: no record of the training. It samples, and it goes on with the same bits.
cp -r "$work/path-linear/run" "$work/old"
rm -r "$work/old/step-000000002"
rewrite "$work/old/step-000000001" 's/,\n *"training": {[^}]*}//'
grep -q training "$work/old/step-000000001/state.json" && fail "the record of the training is still there"
expect 0 "${sample[@]}" "$work/old" --out "$work/old.h5"
expect 0 train 2 "$work/old"
same_bits "$work/old/step-000000002" "$work/path-linear/run/step-000000002"
