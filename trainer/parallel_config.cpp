#include "trainer/parallel_config.h"

namespace pathline {

void ParallelConfig::fields(FieldVisitor& f) {
  f.choice("parallel.backend", backend, {"auto", "self", "mpi", "nccl"}, Effect::free,
           "auto: nccl for several ranks on CUDA devices, else mpi when started by mpirun or srun, else self");
  f.choice("parallel.reduction", reduction, {"fast", "reproducible"},
           OnResume(Effect::steering).but(Effect::breaking, "parallel.reduction", "reproducible"),
           "reproducible: the same bits whatever the number of ranks");
  f.boolean("parallel.overlap", overlap, Effect::free, "reduce gradients while backward is still running");
  f.real("parallel.first_bucket_mib", first_bucket_mib, 1e-3, 1e5, Effect::free,
         "size of the first and the last bucket of gradients");
  f.real("parallel.bucket_mib", bucket_mib, 0, 1e5, Effect::free,
         "size of the other buckets of gradients; 0: a sixteenth of all gradients, at most 25");
  f.choice_of("parallel.wire", compress_gradients, {{"fp32", false}, {"bf16", true}}, Effect::steering,
              "gradients between ranks; bf16: half the bytes, rounded once per rank and once in the sum");
  f.boolean("parallel.shard_optimizer", shard_optimizer, Effect::free,
            "each rank keeps the optimizer's moments and the averaged weights of its share only (ZeRO-1)");
  f.real("parallel.timeout", timeout, 0.0, 1e7, Effect::free,
         "seconds a rank waits for the others before it ends the job with code 6; 0: for ever");
}

void ParallelConfig::check(const Config& config) const {
  if (compress_gradients && reproducible()) {
    config.fail("parallel.wire", "reproducible sums are exchanged in fp32, found bf16",
                "use parallel.wire = fp32, or parallel.reduction = fast");
  }
}

}  // namespace pathline
