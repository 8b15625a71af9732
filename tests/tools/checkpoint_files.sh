# pathline checkpoint info, verify, export, import: there and back gives the same weights; nothing is overwritten; damage is named.
source "$(dirname "$0")/lib.sh"
tiny_run
expect 0 "$program" train "$work/tiny.ini" --train.steps 10

expect 0 "$program" checkpoint info "$work/run"
says "step 10" "channels = 32"
expect 0 "$program" checkpoint info "$work/run/step-000000010" --json
says '"step": 10' '"parameters"'
expect 0 "$program" checkpoint verify "$work/run"
says "whole"

expect 0 "$program" checkpoint export "$work/run" --out "$work/ema.safetensors"
expect 0 "$program" checkpoint export "$work/run" --out "$work/raw.safetensors" --weights raw
expect 2 "$program" checkpoint export "$work/run" --out "$work/raw.safetensors"
says "exists already"
cmp -s "$work/ema.safetensors" "$work/raw.safetensors" && fail "averaged and last weights are the same"

expect 0 "$program" checkpoint import --config "$work/tiny.ini" --weights "$work/raw.safetensors" --out "$work/imported"
expect 0 "$program" checkpoint verify "$work/imported"
cmp -s "$work/imported/step-000000000/model.safetensors" "$work/run/step-000000010/model.safetensors" || fail "weights changed on the way out and in"
expect 2 "$program" checkpoint import --config "$work/tiny.ini" --weights "$work/raw.safetensors" --out "$work/imported"
expect 0 "$program" train "$work/tiny.ini" --train.steps 3 --checkpoint.dir "$work/imported"

sed "s|^shards = .*|shards = $work/gone|" "$work/tiny.ini" >"$work/elsewhere.ini"
expect 2 "$program" checkpoint import --config "$work/elsewhere.ini" --weights "$work/raw.safetensors" --out "$work/other"
says "--image"
expect 0 "$program" checkpoint import --config "$work/elsewhere.ini" --weights "$work/raw.safetensors" --out "$work/other" --image 1,8,8
sed "s|^channels = 32|channels = 64|" "$work/tiny.ini" >"$work/wider.ini"
expect 3 "$program" checkpoint import --config "$work/wider.ini" --weights "$work/raw.safetensors" --out "$work/wider"
[ ! -e "$work/wider" ] || fail "a refused import left something behind"
expect 3 "$program" checkpoint import --config "$work/tiny.ini" --weights "$work/tiny.ini" --out "$work/wider"

printf 'x' | dd of="$work/run/step-000000010/ema.safetensors" bs=1 seek=5000 conv=notrunc status=none
expect 3 "$program" checkpoint verify "$work/run/step-000000010"
says "ema.safetensors"
expect 3 "$program" checkpoint info "$work/run"
expect 4 "$program" checkpoint info "$work/nowhere"
