#include "trainer/learner.h"

#include <cmath>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include "core/hash.h"
#include "core/random.h"
#include "flow/autocast.h"
#include "flow/loss.h"
#include "flow/path.h"
#include "trainer/ema.h"

namespace pathline {
namespace {

parallel::NamedParameters parameters_of(const torch::nn::Module& network) {
  parallel::NamedParameters parameters;
  for (const auto& item : network.named_parameters()) parameters.emplace_back(item.key(), item.value());
  return parameters;
}

NamedTensors buffers_of(const torch::nn::Module& network) {
  NamedTensors buffers;
  for (const auto& item : network.named_buffers()) buffers.emplace_back(item.key(), item.value());
  return buffers;
}

/// Dropout masks come from LibTorch's generator; a seed per micro-batch makes them independent of ranks and restarts.
void seed_dropout(std::uint64_t seed, const data::Batch& batch) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(RandomStream(seed, Purpose::dropout, batch.micro_index, batch.step).bits64());
}

std::string sample_list(const data::Batch& batch, const at::Tensor& losses) {
  constexpr std::size_t kShown = 8;
  std::string list;
  std::size_t found = 0;
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    if (losses.defined() && std::isfinite(losses[static_cast<std::int64_t>(i)].item<double>())) continue;
    if (++found <= kShown) list += fmt::format("{}{}", list.empty() ? "" : ", ", batch.samples[i].id);
  }
  return found > kShown ? fmt::format("{} and {} more", list, found - kShown) : list;
}

}  // namespace

std::vector<parallel::MicroRange> micro_ranges(const RunConfig& run, int ranks) {
  std::vector<parallel::MicroRange> ranges;
  for (int rank = 0; rank < ranks; ++rank) {
    const data::BatchPlan plan{run.global_batch, run.micro_batch, rank, ranks};
    ranges.push_back({plan.first_micro(), plan.last_micro()});
  }
  return ranges;
}

Learner::Learner(const RunConfig& run, const data::DatasetInfo& data, parallel::Communicator& communicator)
    : run_(run),
      data_(data),
      communicator_(communicator),
      batch_settings_{run.seed, flow::TimeLaw::from_name(run.time_law, run.time_mean, run.time_std), run.label_drop,
                      run.flip, run.network.classes},
      network_(flow::make_network(run.network, run.seed)),
      ema_network_(flow::make_network(run.network, run.seed)),
      parameters_(parameters_of(*network_)),
      ema_parameters_(parameters_of(*ema_network_)),
      layout_(parameters_),
      weights_(parallel::flatten_parameters(layout_, parameters_)),
      ema_weights_(parallel::flatten_parameters(layout_, ema_parameters_)),
      gradients_(layout_, parameters_),
      adamw_(run.adamw, layout_.size()),
      reduction_(parallel::make_reduction(run.reduction, communicator, gradients_.values(),
                                          micro_ranges(run, communicator.size()))) {
  network_->train();
  ema_network_->eval();
}

MicroResult Learner::accumulate(const data::Batch& batch) {
  const TrainingBatch input = make_training_batch(batch, data_, batch_settings_);
  if (run_.network.dropout > 0) seed_dropout(run_.seed, batch);
  const auto [x_t, target] = flow::linear_path(input.noise, input.images, input.times);
  at::Tensor losses;
  {
    const flow::AutocastGuard autocast(x_t.device().type(), run_.bf16);
    losses = flow::velocity_loss_per_sample(network_->forward(x_t, input.times, input.labels), target);
  }
  const at::Tensor loss = losses.sum();
  MicroResult result;
  result.loss_sum = loss.item<double>();
  if (!std::isfinite(result.loss_sum)) {
    result.problem = "the loss is not finite for sample(s) " + sample_list(batch, losses.detach());
    return result;
  }
  // Divided here, by a number that all ranks share, the gradients of all micro-batches simply add up.
  (loss / static_cast<double>(run_.global_batch)).backward();
  if (!std::isfinite(parallel::global_norm(gradients_.values()))) {
    result.problem = "the gradient is not finite for a micro-batch with sample(s) " + sample_list(batch, {});
    return result;
  }
  reduction_->micro_batch_done(batch.micro_index);
  return result;
}

double Learner::reduce() {
  reduction_->finish();
  return parallel::global_norm(gradients_.values());
}

bool Learner::update(double gradient_norm, double learning_rate, std::uint64_t step, double ema_beta) {
  gradients_.check_views();
  at::Tensor gradient = gradients_.buffer();
  const double factor = clip_factor(gradient_norm, run_.clip);
  if (factor < 1) gradient.mul_(factor);
  adamw_.update(weights_, gradient, learning_rate, step);
  update_ema(ema_weights_, weights_, ema_beta);
  copy_tensors(buffers_of(*network_), buffers_of(*ema_network_), "EMA network");
  gradients_.zero();
  return factor < 1;
}

void Learner::discard() {
  reduction_->discard();
  gradients_.zero();
}

std::uint64_t Learner::weights_hash() const {
  const auto values = parallel::span_of(weights_);
  return xxh3_64(values.data(), values.size_bytes());
}

void Learner::describe(CheckpointContents& contents) const {
  contents.weights = flow::named_state(*network_);
  contents.ema = flow::named_state(*ema_network_);
  contents.optimizer = layout_.views(adamw_.first_moment(), "exp_avg.");
  for (auto& moment : layout_.views(adamw_.second_moment(), "exp_avg_sq."))
    contents.optimizer.push_back(std::move(moment));
}

void Learner::restore(const CheckpointInfo& checkpoint) {
  const std::string place = checkpoint.folder.string();
  copy_tensors(load_weights(checkpoint, WeightSet::raw), flow::named_state(*network_), place + "/model.safetensors");
  copy_tensors(load_weights(checkpoint, WeightSet::ema), flow::named_state(*ema_network_), place + "/ema.safetensors");
  const NamedTensors moments = load_optimizer(checkpoint);
  if (moments.empty()) return;
  CheckpointContents own;
  describe(own);
  copy_tensors(moments, own.optimizer, place + "/optimizer.safetensors");
}

void Learner::broadcast() {
  for (const at::Tensor& buffer : flat_buffers()) {
    const auto values = parallel::span_of(buffer);
    communicator_.broadcast(values.data(), values.size_bytes(), 0);
  }
  for (const auto* network : {network_.get(), ema_network_.get()}) {
    for (auto& [name, buffer] : buffers_of(*network)) {
      at::Tensor contiguous = buffer.contiguous();
      communicator_.broadcast(contiguous.mutable_data_ptr(), contiguous.nbytes(), 0);
      buffer.copy_(contiguous);
    }
  }
}

}  // namespace pathline
