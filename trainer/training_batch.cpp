#include "trainer/training_batch.h"

#include <stdexcept>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "flow/training_draws.h"
#include "trainer/batch_condition.h"

namespace pathline {
namespace {

std::vector<flow::SampleKey> keys_of(const data::Batch& batch) {
  std::vector<flow::SampleKey> keys;
  keys.reserve(batch.samples.size());
  for (const auto& [position, epoch, id] : batch.samples) keys.push_back({position, epoch, id});
  return keys;
}

}  // namespace

flow::ObjectiveBatch make_training_batch(const data::Batch& batch, const data::DatasetInfo& info,
                                         const BatchSettings& settings) {
  const flow::FlowTraining& training = settings.flow.training.value();
  if (training.coupling->hands_round())
    throw std::logic_error("make_training_batch: a micro-batch alone cannot hand noise round");
  std::vector<flow::SampleKey> keys = keys_of(batch);
  const flow::TrainingDraws draws = draw_for_training(training, settings.seed, keys, settings.global_batch, info.shape);
  return {draws.x0,
          make_training_samples(batch, info, settings.pictures),
          draws.t,
          without(batch_condition(batch, info, settings.condition), settings.condition, draws.dropped),
          settings.flow.path,
          settings.flow.prediction,
          flow::KeyedDraws(settings.seed, std::move(keys))};
}

}  // namespace pathline
