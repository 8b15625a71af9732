#include "trainer/train_config.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "core/cpu_count.h"

namespace pathline {
namespace {

/// The largest divisor of `number` that is at most `limit`.
std::uint64_t divisor_at_most(std::uint64_t number, std::uint64_t limit) {
  std::uint64_t divisor = std::min(number, limit);
  while (number % divisor != 0) --divisor;
  return divisor;
}

void resolve_batches(TrainConfig& train, const Config& config, bool reproducible, int ranks) {
  const auto n = static_cast<std::uint64_t>(ranks);
  if (train.micro_batch == 0) {
    if (reproducible) {
      config.fail("train.micro_batch", "must be given where parallel.reduction is reproducible, found 0",
                  fmt::format("0 follows the number of ranks, and the result would too; for example {}",
                              divisor_at_most(train.global_batch, std::max<std::uint64_t>(1, train.global_batch / 4))));
    }
    if (train.global_batch % n != 0) {
      config.fail("train.global_batch",
                  fmt::format("{} images cannot be shared out evenly over {} ranks", train.global_batch, n),
                  fmt::format("use {} or {}, or set train.micro_batch", std::max(n, train.global_batch / n * n),
                              (train.global_batch / n + 1) * n));
    }
    train.micro_batch = train.global_batch / n;
  }
  if (train.global_batch % train.micro_batch != 0) {
    config.fail("train.micro_batch",
                fmt::format("must divide train.global_batch = {}, found {}", train.global_batch, train.micro_batch),
                fmt::format("for example {}", divisor_at_most(train.global_batch, train.micro_batch)));
  }
  const std::uint64_t micro_batches = train.global_batch / train.micro_batch;
  if (micro_batches < n) {
    config.fail("train.micro_batch",
                fmt::format("{} images make {} micro-batches of {}: too few for {} ranks", train.global_batch,
                            micro_batches, train.micro_batch, n),
                train.global_batch >= n
                    ? fmt::format("use {} or less", divisor_at_most(train.global_batch, train.global_batch / n))
                    : std::string("use fewer ranks, or a larger train.global_batch"));
  }
}

}  // namespace

void TrainConfig::fields(FieldVisitor& f) {
  const OnResume length = OnResume(Effect::free).but(Effect::steering, "optimizer.schedule", "cosine");
  const auto part_of_the_bits = [](Effect otherwise) {
    return OnResume(otherwise).but(Effect::breaking, "parallel.reduction", "reproducible");
  };
  f.integer("train.steps", steps, 0, kUnlimited, length, "length in optimizer steps; 0: as train.images says");
  f.integer("train.images", images, 0, kUnlimited, length,
            "length in images, rounded up to whole steps; 0: as train.steps says");
  f.integer("train.global_batch", global_batch, 1, 1 << 24, Effect::breaking,
            "images per optimizer step, over all ranks");
  f.integer("train.micro_batch", micro_batch, 0, 1 << 24, part_of_the_bits(Effect::steering),
            "images per forward and backward pass; 0: global_batch / ranks");
  f.integer("train.seed", seed, 0, std::numeric_limits<std::int64_t>::max(), Effect::breaking,
            "seed of weights, order, noise, times, drops, flips");
  f.choice("train.device", device, {"auto", "cpu", "cuda"}, Effect::free,
           "processor; auto: cuda where there is a device");
  f.choice_of("train.precision", bf16, {{"fp32", false}, {"bf16", true}}, Effect::breaking,
              "bf16: autocast, with weights, gradients and sums in fp32");
  f.integer("train.threads", threads, 0, 1024, part_of_the_bits(Effect::free),
            "compute threads per rank; 0: usable cores of the host / its ranks, at most OMP_NUM_THREADS (reproducible: "
            "1)");
  f.boolean("train.flip", flip, Effect::breaking, "mirror each image left-right with probability 1/2");
  f.integer("train.crop_padding", crop_padding, 0, 65535, Effect::breaking,
            "pad each image by this many pixels, mirrored at its edges, and cut it out at a random place; 0: no");
  f.integer("train.max_skipped", max_skipped, 1, 1000000, Effect::free,
            "skipped (non-finite) steps in a row that end the run with code 5");
  f.real("train.ema_halflife", ema_halflife, 0.0, kUnlimitedReal, Effect::steering,
         "half-life of the averaged weights, in images; 0: no averaging");
  f.real("train.ema_ramp", ema_ramp, 0.0, 1.0, Effect::steering,
         "half-life is at most this fraction of the images seen; 0: no such limit");
}

void TrainConfig::resolve(const Config& config, bool reproducible, int ranks, int local_ranks, int cores) {
  resolve_batches(*this, config, reproducible, ranks);
  if (images > 0 && steps > 0) {
    config.fail("train.images",
                "both train.images and train.steps are given: only one of them can say how long to train",
                "set the other one to 0");
  }
  if (images == 0 && steps == 0) {
    config.fail("train.steps", "the length of the training is missing", "give --train.steps N or --train.images N");
  }
  if (images > 0) steps = (images + global_batch - 1) / global_batch;
  // How threads split a sum shows in its last bits: in reproducible mode their number must not follow the machine or
  // the ranks.
  if (threads == 0) threads = reproducible ? 1 : threads_per_process(cores, local_ranks);
}

}  // namespace pathline
