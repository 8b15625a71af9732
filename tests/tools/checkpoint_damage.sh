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
