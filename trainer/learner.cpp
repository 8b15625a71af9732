#include "trainer/learner.h"

#include <cmath>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>

#include "core/number_text.h"
#include "core/random.h"
#include "flow/autocast.h"
#include "trainer/optim/clip.h"
#include "trainer/optim/ema.h"

namespace pathline {
namespace {

/// Dropout masks come from LibTorch's generator; a seed per micro-batch makes them independent of ranks and restarts.
void seed_dropout(std::uint64_t seed, const data::Batch& batch, at::Device device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(RandomStream(seed, Purpose::dropout, batch.micro_index, batch.number).bits64());
}

std::string gradient_problem(const std::vector<std::uint64_t>& ids) {
  return "the gradient is not finite for a micro-batch with sample(s) " + listed(ids);
}

}  // namespace

Learner::Learner(const RunConfig& run, const data::DatasetInfo& data, ModelState& model)
    : run_(run),
      data_(data),
      model_(model),
      network_(model.network()),
      device_(model.device()),
      batch_settings_{run.train.seed,
                      run.train.global_batch,
                      run.flow,
                      network_->condition_spec(),
                      {run.train.seed, run.train.flip, run.train.crop_padding}} {}

MicroResult Learner::accumulate(const data::Batch& batch) {
  last_samples_.clear();
  for (const auto& sample : batch.samples) last_samples_.push_back(sample.id);
  const flow::ObjectiveBatch input = make_training_batch(batch, data_, batch_settings_).to(device_);
  seed_dropout(run_.train.seed, batch, device_);
  at::Tensor losses;
  {
    const flow::AutocastGuard autocast(device_.type(), run_.train.bf16);
    losses = run_.flow.training->objective->losses(*network_, input);
  }
  const at::Tensor loss = losses.sum();
  MicroResult result;
  result.loss_sum = loss.item<double>();
  if (!std::isfinite(result.loss_sum)) {
    const at::Tensor each = losses.detach().to(at::kCPU, at::kDouble);
    std::vector<std::uint64_t> bad;
    for (std::size_t i = 0; i < last_samples_.size(); ++i) {
      if (!std::isfinite(each.const_data_ptr<double>()[i])) bad.push_back(last_samples_[i]);
    }
    result.problem = "the loss is not finite for sample(s) " + listed(bad);
    return result;
  }
  // Divided here, by a number that all ranks share, the gradients of all micro-batches simply add up.
  const at::Tensor part = loss / static_cast<double>(run_.train.global_batch);
  if (!model_.data_parallel().backward_part(part)) result.problem = gradient_problem(last_samples_);
  return result;
}

std::string Learner::reduce() {
  communication_ = model_.data_parallel().finish();
  return model_.data_parallel().was_finite() ? std::string() : gradient_problem(last_samples_);
}

bool Learner::update(double gradient_norm, const StepRates& rates, std::uint64_t step) {
  const double factor = clip_factor(gradient_norm, run_.optimizer.clip);
  for (const OwnedSlice& own : model_.owned_slices()) {
    if (factor < 1) own.optimizer.gradients.mul_(factor);
    model_.optimizer().update(own.optimizer, rates.learning_rate, step);
    for (const at::Tensor& average : own.averages) update_ema(average, own.optimizer.weights, rates.ema_beta);
  }
  model_.finish_update();
  return factor < 1;
}

}  // namespace pathline
