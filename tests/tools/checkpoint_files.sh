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

# Weights that are no weights: whole numbers, values that are not finite.
LC_ALL=C sed 's|"out.2.bias":{"dtype":"F32"|"out.2.bias":{"dtype":"I32"|' "$work/raw.safetensors" >"$work/whole.safetensors"
expect 3 "$program" checkpoint import --config "$work/tiny.ini" --weights "$work/whole.safetensors" --out "$work/bad"
says "out.2.bias (expected F32, found I32)"
{ head -c -4 "$work/raw.safetensors" && printf '\xff\xff\xff\xff'; } >"$work/nan.safetensors"
expect 3 "$program" checkpoint import --config "$work/tiny.ini" --weights "$work/nan.safetensors" --out "$work/bad"
says "not finite"
[ ! -e "$work/bad" ] || fail "a refused import left something behind"

# prefixed PREFIX FILE: $work/raw.safetensors with PREFIX before every name.
prefixed() {
  local length header
  length=$(od -An -N8 -tu8 "$work/raw.safetensors")
  header=$(tail -c +9 "$work/raw.safetensors" | head -c "$length" | sed 's|"\([^"]*\)":{"dtype"|"'"$1"'\1":{"dtype"|g')
  { printf '%b' "$(printf '%016x' "${#header}" | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\\x\8\\x\7\\x\6\\x\5\\x\4\\x\3\\x\2\\x\1/')" &&
    printf '%s' "$header" && tail -c +"$((9 + length))" "$work/raw.safetensors"; } >"$2"
}
prefixed "module._orig_mod." "$work/wrapped.safetensors"
expect 0 "$program" checkpoint import --config "$work/tiny.ini" --weights "$work/wrapped.safetensors" --out "$work/wrapped"
says_once "module._orig_mod."
cmp -s "$work/wrapped/step-000000000/model.safetensors" "$work/run/step-000000010/model.safetensors" || fail "weights changed with their prefix"

printf 'x' | dd of="$work/run/step-000000010/ema.safetensors" bs=1 seek=5000 conv=notrunc status=none
expect 3 "$program" checkpoint verify "$work/run/step-000000010"
says "ema.safetensors"
expect 3 "$program" checkpoint info "$work/run"
expect 4 "$program" checkpoint info "$work/nowhere"
