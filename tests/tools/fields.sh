# A simulation from array to array: float32 fields of two channels in very different units become shards, train a network, and come out of `sample` in
# their own units, which a second conversion measures.
source "$(dirname "$0")/lib.sh"
python3 - "$work/fields.npy" <<'PYTHON'
import random, struct, sys

random.seed(1)
count, height, width = 80, 8, 8
values = [v for _ in range(count * height * width) for v in (random.gauss(1013, 10), random.gauss(-3e-5, 1e-5))]
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, 2), }" % (count, height, width)
header += " " * (63 - (10 + len(header)) % 64) + "\n"
with open(sys.argv[1], "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<%df" % len(values), *values))
PYTHON
tiny_settings

expect 0 "$program" shards create --from npy --input "$work/fields.npy" --layout nhwc --out "$work/shards"
expect 0 "$program" shards verify "$work/shards"
expect 0 "$program" train "$work/tiny.ini" --network.classes 0 --train.steps 40 --log.preview_every 40
[ -n "$(find "$work/log" -name '*.png')" ] || fail "no preview was drawn"
expect 0 "$program" sample "$work/run" --solver euler --steps 8 --count 64 --out "$work/samples.h5" --png "$work/samples.png"
expect 0 "$program" shards create --from hdf5 --input "$work/samples.h5" --dataset /samples/raw --layout nchw --out "$work/back"
expect 0 "$program" shards info "$work/back" --stats
# So short a training changes little: mean and deviation of the samples are those of the data, within a deviation and a factor of two.
awk '$1 == "channel" && NF == 6 {
       expected = $2 == 0 ? 1013 : -3e-5; deviation = $2 == 0 ? 10 : 1e-5; ++seen
       if ($3 < expected - deviation || $3 > expected + deviation || $4 < deviation / 2 || $4 > deviation * 2) exit wrong = 1
     }
     END { exit wrong || seen != 2 }' "$work/output" || fail "the samples are not in the units of the data"
