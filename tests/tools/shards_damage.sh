# What the program says and returns for damaged shards and mistaken settings of reading.
source "$(dirname "$0")/lib.sh"

tiny_run
expect 0 "$program" shards verify "$work/shards" --threads 2
says "all 60 samples in 1 shard"
expect 0 "$program" shards info "$work/shards" --stats --png "$work/sheet.png"
says "deviation" "60"
[ -s "$work/sheet.png" ] || fail "no sheet of pictures"

# Mistakes of the user
expect 2 "$program" shards verify
expect 2 "$program" shards verify "$work/shards" --threads -1
expect 2 "$program" shards info "$work/shards" --stat
says "did you mean --stats"
expect 4 "$program" shards info "$work/nowhere"
expect 4 "$program" shards info "$work/shards" --png "$work/nowhere/sheet.png"
for words in "--data.shuffle windowed:15" "--data.shuffle random" "--data.backend mmap" "--data.cache_mib -1" \
  "--train.crop_padding 8" "--data.prefetch_mib 0"; do
  expect 2 "$program" train "$work/tiny.ini" $words
  says "${words%% *}"
done

# The other back end, the windowed order, crops and no cache make runs, too.
expect 0 "$program" train "$work/tiny.ini" --train.steps 2 --data.backend hdf5 --data.cache_mib 0 --checkpoint.dir "$work/a"
expect 0 "$program" train "$work/tiny.ini" --train.steps 2 --checkpoint.dir "$work/b"
same_bits "$work/a/step-000000002" "$work/b/step-000000002"
expect 0 "$program" train "$work/tiny.ini" --train.steps 2 --data.shuffle windowed:32 --train.crop_padding 2 --checkpoint.dir "$work/c"
expect 2 "$program" train "$work/tiny.ini" --train.steps 4 --train.crop_padding 2 --checkpoint.dir "$work/c"
says "data.shuffle"

# A damaged byte of an image: verify names it, and training stops at the batch that needs it.
size=$(stat -c %s "$work/shards/shard-00000.h5")
offset=$((size - 64 * 60 + 64 * 7 + 3))
byte=$(od -An -tu1 -j "$offset" -N 1 "$work/shards/shard-00000.h5")
printf "\\x$(printf %02x $((byte ^ 16)))" | dd of="$work/shards/shard-00000.h5" bs=1 seek="$offset" conv=notrunc status=none
expect 3 "$program" shards verify "$work/shards"
says "shard-00000.h5:/images[7]: sample 7 is damaged" "expected SHA-256"
expect 3 "$program" shards info "$work/shards" --stats
says "sample 7 is damaged"
expect 3 "$program" train "$work/tiny.ini" --train.steps 20 --checkpoint.dir "$work/d"
says "sample 7 is damaged"

rm "$work/shards/shard-00000.h5"
expect 3 "$program" shards verify "$work/shards"
says "shard-00000.h5: this shard is missing"
