# `pathline shards create` as a user meets it: killed and stopped in the middle, wrong inputs, options that do not fit.
source "$(dirname "$0")/lib.sh"

create=("$program" shards create)

# many_images FOLDER COUNT SIDE: COUNT (a multiple of 256) arbitrary images of SIDE x SIDE, as IDX files.
many_images() {
  mkdir -p "$1"
  local side count
  side=$(printf '\\x%02x\\x%02x' $(($3 / 256)) $(($3 % 256)))
  count=$(printf '\\x%02x\\x%02x' $(($2 / 256)) $(($2 % 256)))
  { printf "\0\0\x08\x03\0\0$count\0\0$side\0\0$side" && head -c $(($3 * $3 * $2)) < <(while cat "$program"; do :; done); } \
    >"$1/train-images-idx3-ubyte" 2>/dev/null
  { printf "\0\0\x08\x01\0\0$count" && head -c "$2" /dev/zero; } >"$1/train-labels-idx1-ubyte"
}

# same_set A B: two shard folders hold the same bytes.
same_set() { diff -r "$1" "$2" >/dev/null || fail "$1 and $2 differ"; }

# children_left: helpers that outlived the program that started them.
children_left() { pgrep -f "hdf5-read .*$work" >/dev/null; }

# A conversion that is killed, then one that is stopped, then one left alone: the result is that of an undisturbed one.
# disturb NAME SETTING…
disturb() {
  local name=$1 kept=0 signal job i code parts
  shift
  local settings=("$@" --size 250 --resize lanczos --shard-images 32 --threads 2 --name many)
  expect 0 "${create[@]}" "${settings[@]}" --out "$work/$name-undisturbed"
  for signal in KILL INT; do
    setsid "${create[@]}" "${settings[@]}" --out "$work/$name" >"$work/output" 2>&1 &
    job=$!
    for ((i = 0; i < 3000; ++i)); do
      # At least one more whole shard than before.
      shopt -s nullglob
      parts=("$work/.$name.partial"/part-*.json)
      ((${#parts[@]} > kept)) && break
      sleep 0.01
    done
    case $signal in
      INT) kill -INT -- "-$job" ;;  # as a terminal does: to all of the group
      *) kill -"$signal" "$job" ;;
    esac
    code=0
    wait "$job" 2>/dev/null || code=$?
    [ -d "$work/$name" ] && skip "this machine is too fast to be disturbed"
    kept=${#parts[@]}
    ((kept > 0)) || fail "nothing is kept after SIG$signal"
    for ((i = 0; i < 100; ++i)); do
      children_left || break
      sleep 0.05
    done
    children_left && fail "a child outlived SIG$signal"
  done
  [ "$code" = 75 ] || fail "expected exit code 75 after Ctrl-C, found $code"
  says "stopped by SIGINT" "the same command goes on from there"
  expect 2 "${create[@]}" "${settings[@]}" --out "$work/$name" --dedupe
  says "other settings" "--dedupe was 'no', now it is 'yes'" "--fresh"
  expect 0 "${create[@]}" "${settings[@]}" --out "$work/$name"
  says "going on after"
  same_set "$work/$name-undisturbed" "$work/$name"
  [ -e "$work/.$name.partial" ] && fail "the work area is still there"
  expect 0 "$program" shards verify "$work/$name"
}
many_images "$work/many" 1024 256
disturb from-idx --from idx --input "$work/many"

# The same images from an HDF5 file: a shard is one.
expect 0 "${create[@]}" --from idx --input "$work/many" --out "$work/as-hdf5"
disturb from-hdf5 --from hdf5 --input "$work/as-hdf5/shard-00000.h5" --dataset /images --labels-dataset /labels
for file in "$work"/from-idx/shard-*.h5; do cmp -s "$file" "$work/from-hdf5/${file##*/}" || fail "${file##*/} differs from that of --from idx"; done

# What samples are conditioned on comes from the same file, kept through kills as all else.
disturb conditioned --from hdf5 --input "$work/as-hdf5/shard-00000.h5" --dataset /images --labels-dataset /labels \
  --condition again=/labels --condition view=/images
expect 0 "$program" shards info "$work/conditioned"
says "again: label of 1 classes" "view: tensor of 256 x 256 x 1 uint8"

# Each mistake: one clear message, the right code, nothing left behind.
tiny_idx "$work/idx" 20
refuses() {
  local code=$1 text=$2
  shift 2
  expect "$code" "${create[@]}" "$@" --out "$work/never"
  says_once "$text"
  [ -e "$work/never" ] || [ -e "$work/.never.partial" ] && fail "something was left behind: $*"
}
mkdir "$work/pictures"
echo "no picture" >"$work/pictures/a.png"
echo "no array" >"$work/a.npy"
cp "$work/a.npy" "$work/a.npz"
cp "$work/a.npy" "$work/a.h5"
cp "$work/a.npy" "$work/a.zip"
refuses 2 "from" --from webdataset --input "$work/idx"
refuses 2 "input" --from idx
refuses 4 "no such folder" --from folder --input "$work/nowhere"
refuses 4 "no such file or folder" --from cifar10 --input "$work/nowhere"
refuses 4 "cannot open this file" --from hdf5 --input "$work/nowhere.h5"
refuses 3 "none of the 1 pictures can be decoded" --from folder --input "$work/pictures"
refuses 3 "not a zip" --from zip --input "$work/a.zip"
refuses 3 "no file data_batch_1.bin" --from cifar10 --input "$work/pictures"
refuses 3 "npy" --from npy --input "$work/a.npy"
refuses 3 "not a zip" --from npz --input "$work/a.npz"
refuses 3 "HDF5 cannot open this file" --from hdf5 --input "$work/a.h5"
for forged in root_links images_links group_links; do
  refuses 3 "$forged.h5: the process that reads it with the HDF5 library was ended by signal" \
    --from hdf5 --input "$source_dir/tests/data/forged/$forged.h5" --dataset 'g*/d*' --labels-dataset /labels
done
refuses 3 "is no class; expected 0 to 999999" --from hdf5 --input "$work/as-hdf5/shard-00000.h5" --dataset /images --condition sums=/checksums
refuses 3 "no such object" --from hdf5 --input "$work/as-hdf5/shard-00000.h5" --dataset /images --condition pose=/pose
refuses 2 "expected a .npz file" --from npz --input "$work/a.npy"
refuses 2 "this needs --size" --from idx --input "$work/idx" --crop none
refuses 2 "expected N or WxH" --from idx --input "$work/idx" --size 8by8
refuses 2 "at most 1 GiB" --from folder --input "$work/pictures" --size 60000
refuses 2 "not for --from idx" --from idx --input "$work/idx" --range 0,1
refuses 2 "not for --from toy:moons" --from toy:moons --input "$work/idx"
refuses 2 "hexadecimal" --from folder --input "$work/pictures" --background white
refuses 2 "the lower one first" --from npy --input "$work/a.npy" --range 1,0
refuses 2 "give either" --from idx --input "$work/idx" --shard-images 5 --shard-mib 5

# Toy densities need no input; the same seed gives the same bytes.
expect 0 "${create[@]}" --from toy:checkerboard --count 500 --seed 4 --out "$work/toy"
says "500 rows of 2 float32 in 1 shard, 0 classes"
expect 0 "${create[@]}" --from toy:checkerboard --count 500 --seed 4 --shard-mib 1 --out "$work/toy-again"
cmp -s "$work/toy/shard-00000.h5" "$work/toy-again/shard-00000.h5" || fail "the same seed gave other rows"
echo passed
