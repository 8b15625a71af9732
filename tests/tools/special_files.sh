# Named pipes where files are expected: refused at once, by name, whatever reads them. Each command would otherwise wait for
# a writer, for ever and deaf to SIGTERM; `timeout` then ends it with 124, which no line here expects.
source "$(dirname "$0")/lib.sh"
patient() { timeout --kill-after=5 60 "$program" "$@"; }

# refused COMMAND …: one error about a FIFO, code 3.
refused() {
  expect 3 patient "$@"
  says "expected a regular file, found a FIFO"
}

cd "$work" || exit 1
tiny_run
sed -i 's/^steps = .*/steps = 2/; s/^every = .*/every = 1/' tiny.ini
mkfifo fifo fifo.npy fifo.npz fifo.h5 train-images-idx3-ubyte fifo.zip
python=$(command -v python3) || skip "no python3"

# Inputs of conversions.
for kind in npy npz hdf5 zip cifar10; do
  suffix=${kind/hdf5/h5}
  refused shards create --from "$kind" --input "fifo.${suffix/cifar10/npy}" --out out
done
cp idx/train-labels-idx1-ubyte .
refused shards create --from idx --input train-images-idx3-ubyte --out out
"$python" -c "import struct; open('x.npy','wb').write(b'\x93NUMPY\x01\x00'+struct.pack('<H',118)+b\"{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2, 2, 1), }\".ljust(117)+b'\n'+bytes(16))"
refused shards create --from npy --input x.npy --labels fifo.npy --out out
[ -e out ] && fail "a refused conversion left a folder"

# What a shell pipes in is no named pipe.
expect 0 patient shards create --from npy --input <(cat x.npy) --out piped
expect 0 patient train <(cat tiny.ini) --print-config
says "$work/shards"

# Configurations, fields, noise, weights.
refused train fifo
refused sample --field fifo --solver euler --steps 1 --count 1 --out s.h5
refused sample --field "$source_dir/configs/fields/smooth.ini" --solver euler --steps 1 --count 1 --initial fifo.h5:/x --out s.h5
refused checkpoint import --config tiny.ini --weights fifo --out imported
refused sample --field "$source_dir/configs/fields/smooth.ini" --solver table --param file=fifo --steps 1 --count 1 --out s.h5

# The index of a set.
cp -r shards broken
rm broken/index.json && mkfifo broken/index.json
for action in info verify; do refused shards "$action" broken; done
refused train tiny.ini --data.shards broken --checkpoint.dir none --log.dir none-log

# A checkpoint's parts, and the log of a run.
expect 0 patient train tiny.ini
cp -r run damaged
rm damaged/step-000000002/MANIFEST.json && mkfifo damaged/step-000000002/MANIFEST.json
refused checkpoint info damaged/step-000000002
expect 0 patient checkpoint info damaged
says "step 1,"
rm log/metrics.jsonl && mkfifo log/metrics.jsonl
refused train tiny.ini --train.steps 3
rm log/metrics.jsonl
mkfifo samples.rank-0
refused train tiny.ini --train.steps 3 --log.samples samples
expect 0 patient train tiny.ini --train.steps 3
