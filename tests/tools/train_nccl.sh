# Training with the NCCL backend over the stand-in for NCCL and CUDA in host memory: the bits of the MPI backend, sharded or not; an error inside
# NCCL and a hang end the job with code 6. Nothing of this has a GPU.
source "$(dirname "$0")/lib.sh"
require_mpirun
export PATHLINE_NCCL_LIBRARY=$3/tests/standin/libstandin_nccl.so
export PATHLINE_CUDART_LIBRARY=$PATHLINE_NCCL_LIBRARY
[ -e "$PATHLINE_NCCL_LIBRARY" ] || skip "built without NCCL's headers"
tiny_run
sed -i 's/^reduction = reproducible/reduction = fast/' "$work/tiny.ini"
short=(--train.device cpu --train.steps 20 --checkpoint.every 20 --parallel.first_bucket_mib 0.05 --parallel.bucket_mib 0.2)
# run NAME OPTIONS …
run() {
  local name=$1
  shift
  "${mpirun[@]}" -n 2 "$program" train "$work/tiny.ini" "${short[@]}" --checkpoint.dir "$work/$name" --log.dir "$work/$name-log" "$@"
}

expect 0 run mpi
expect 0 run nccl --parallel.backend nccl
says "nccl: 2 ranks" "libstandin_nccl.so"
for file in model ema; do
  cmp -s "$work/mpi/step-000000020/$file.safetensors" "$work/nccl/step-000000020/$file.safetensors" || fail "$file differs between mpi and nccl"
done
expect 0 run sharded --parallel.backend nccl --parallel.shard_optimizer true
for file in model ema; do
  cmp -s "$work/nccl/step-000000020/$file.safetensors" "$work/sharded/step-000000020/$file.safetensors" || fail "$file differs when sharded"
done

sed -i "s/^reduction = fast/reduction = reproducible/" "$work/tiny.ini"
expect 2 run tree --parallel.backend nccl
says "parallel.reduction = fast, or parallel.backend = mpi"
sed -i "s/^reduction = reproducible/reduction = fast/" "$work/tiny.ini"
STANDIN_NCCL="async_error=30@1" expect 6 run failing --parallel.backend nccl --parallel.timeout 20
STANDIN_NCCL="hang=30" expect 6 run hanging --parallel.backend nccl --parallel.timeout 3
says "of gradients" "NCCL"
