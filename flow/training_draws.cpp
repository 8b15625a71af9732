#include "flow/training_draws.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace pathline::flow {

TrainingDraws draw_for_training(const FlowTraining& training, std::uint64_t seed, std::span<const SampleKey> samples,
                                std::uint64_t global_batch, const SampleShape& shape) {
  const auto count = static_cast<std::int64_t>(samples.size());
  const bool drops = training.condition_drop > 0;
  TrainingDraws draws;
  draws.x0 = at::empty(shape.batch_sizes(count), at::kFloat);
  draws.t = at::empty({count}, at::kFloat);
  if (drops) draws.dropped = at::empty({count}, at::kBool);
  float* const noise = draws.x0.mutable_data_ptr<float>();
  float* const times = draws.t.mutable_data_ptr<float>();
  bool* const dropped = drops ? draws.dropped.mutable_data_ptr<bool>() : nullptr;
  const auto values = static_cast<std::size_t>(shape.values());
  at::parallel_for(0, count, 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      const SampleKey& key = samples[i];
      const auto stream = [&](Purpose purpose) { return RandomStream(seed, purpose, key.epoch, key.sample); };
      stream(Purpose::noise).fill_normal(std::span<float>(noise + i * values, values));
      const TimeDraw draw{stream(Purpose::time).uniform(), key.position % global_batch, global_batch};
      times[i] = static_cast<float>(training.time->time(draw));
      if (drops) dropped[i] = stream(Purpose::label_drop).uniform() < training.condition_drop;
    }
  });
  return draws;
}

}  // namespace pathline::flow
