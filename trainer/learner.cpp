#include "trainer/learner.h"

#include <cmath>
#include <mutex>

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>

#include "core/hash.h"
#include "core/random.h"
#include "flow/autocast.h"
#include "flow/objectives/loss.h"
#include "flow/paths/path.h"
#include "trainer/optim/ema.h"

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

/// A new network, or none where it is not needed; a failure on one rank is one on all. Collective.
std::shared_ptr<flow::VelocityNetwork> network_for(const RunConfig& run, parallel::Communicator& communicator,
                                                   at::Device device, bool needed) {
  std::shared_ptr<flow::VelocityNetwork> network;
  parallel::together(communicator, [&] {
    if (!needed) return;
    network = flow::make_network(run.network, run.seed);
    network->to(device);
  });
  return network;
}

/// Dropout masks come from LibTorch's generator; a seed per micro-batch makes them independent of ranks and restarts.
void seed_dropout(std::uint64_t seed, const data::Batch& batch, at::Device device) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(RandomStream(seed, Purpose::dropout, batch.micro_index, batch.number).bits64());
}

/// "3, 17, 512 and 4 more": the samples that `is_wanted` picks by their place in the batch.
template <typename Predicate>
std::string sample_list(const std::vector<std::uint64_t>& ids, Predicate&& is_wanted) {
  constexpr std::size_t kShown = 8;
  std::string list;
  std::size_t found = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!is_wanted(i)) continue;
    if (++found <= kShown) list += fmt::format("{}{}", list.empty() ? "" : ", ", ids[i]);
  }
  return found > kShown ? fmt::format("{} and {} more", list, found - kShown) : list;
}

TrainingBatch on_device(TrainingBatch batch, at::Device device) {
  if (device.is_cpu()) return batch;
  for (at::Tensor* tensor : {&batch.images, &batch.noise, &batch.times, &batch.labels}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return batch;
}

std::string gradient_problem(const std::vector<std::uint64_t>& ids) {
  return "the gradient is not finite for a micro-batch with sample(s) " +
         sample_list(ids, [](std::size_t) { return true; });
}

parallel::EngineSettings engine_settings(const RunConfig& run, TraceWriter* trace) {
  parallel::EngineSettings settings;
  settings.reduction = run.reduction;
  settings.trace = trace;
  settings.overlap = run.overlap;
  settings.to_owners = run.shard_optimizer;
  settings.wire = run.bf16_wire ? parallel::Wire::bf16 : parallel::Wire::fp32;
  settings.first_bucket_bytes = run.first_bucket_bytes;
  settings.bucket_bytes = run.bucket_bytes;
  return settings;
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

Learner::Learner(const RunConfig& run, const data::DatasetInfo& data, parallel::Communicator& communicator,
                 at::Device device, TraceWriter* trace)
    : run_(run),
      data_(data),
      communicator_(communicator),
      device_(device),
      batch_settings_{run.seed,
                      flow::TimeLaw::from_name(run.time_law, run.time_mean, run.time_std),
                      run.label_drop,
                      run.flip,
                      run.network.classes,
                      run.crop_padding},
      network_(network_for(run, communicator, device, true)),
      ema_network_(network_for(run, communicator, device, first_rank() || !sharded())),
      parameters_(parameters_of(*network_)),
      engine_(parameters_, communicator, engine_settings(run, trace), micro_ranges(run, communicator.size())),
      weights_(parallel::flatten_parameters(engine_.layout(), parameters_)),
      adamw_(run.adamw, owned_values(), device),
      last_micro_(micro_ranges(run, communicator.size())[static_cast<std::size_t>(communicator.rank())].last) {
  network_->train();
  if (ema_network_) {
    ema_network_->eval();
    ema_parameters_ = parameters_of(*ema_network_);
    ema_weights_ = parallel::flatten_parameters(engine_.layout(), ema_parameters_);
  }
  average_ = sharded() ? own_part(weights_, engine_.owned()) : ema_weights_;
}

MicroResult Learner::accumulate(const data::Batch& batch) {
  last_samples_.clear();
  for (const auto& sample : batch.samples) last_samples_.push_back(sample.id);
  engine_.begin_micro_batch(batch.micro_index);
  const TrainingBatch input = on_device(make_training_batch(batch, data_, batch_settings_), device_);
  if (run_.network.dropout > 0) seed_dropout(run_.seed, batch, device_);
  const auto [x_t, target] = flow::linear_path(input.noise, input.images, input.times);
  at::Tensor losses;
  {
    const flow::AutocastGuard autocast(x_t.device().type(), run_.bf16);
    losses = flow::velocity_loss_per_sample(network_->forward(x_t, input.times, flow::Condition(input.labels)), target);
  }
  const at::Tensor loss = losses.sum();
  MicroResult result;
  result.loss_sum = loss.item<double>();
  if (!std::isfinite(result.loss_sum)) {
    const at::Tensor each = losses.detach().to(at::kCPU, at::kDouble);
    result.problem = "the loss is not finite for sample(s) " + sample_list(last_samples_, [&each](std::size_t i) {
                       return !std::isfinite(each.const_data_ptr<double>()[i]);
                     });
    return result;
  }
  // Divided here, by a number that all ranks share, the gradients of all micro-batches simply add up.
  (loss / static_cast<double>(run_.global_batch)).backward();
  // The last micro-batch is checked bucket by bucket before it leaves (reduce()): its buckets may be on their way.
  const bool last = batch.micro_index + 1 == last_micro_;
  if (!last && !engine_.is_finite()) {
    result.problem = gradient_problem(last_samples_);
    return result;
  }
  engine_.end_micro_batch(batch.micro_index);
  return result;
}

std::string Learner::reduce() {
  communication_ = engine_.finish();
  return engine_.was_finite() ? std::string() : gradient_problem(last_samples_);
}

bool Learner::update(double gradient_norm, double learning_rate, std::uint64_t step, double ema_beta) {
  engine_.check_views();
  const double factor = clip_factor(gradient_norm, run_.clip);
  std::int64_t own = 0;  // place among the owned values
  for (const parallel::Slice& slice : engine_.owned()) {
    const auto offset = static_cast<std::int64_t>(slice.offset), count = static_cast<std::int64_t>(slice.count);
    at::Tensor gradient = engine_.gradients().narrow(0, offset, count);
    const at::Tensor weights = weights_.narrow(0, offset, count);
    if (factor < 1) gradient.mul_(factor);
    adamw_.update(weights, gradient, learning_rate, step, own);
    update_ema(average_.narrow(0, own, count), weights, ema_beta);
    own += count;
  }
  engine_.gather(weights_);
  if (ema_network_) copy_tensors(buffers_of(*network_), buffers_of(*ema_network_), "EMA network");
  engine_.zero();
  if (const auto next = engine_.next_layout()) follow(*next);
  return factor < 1;
}

std::int64_t Learner::owned_values() const {
  std::size_t values = 0;
  for (const parallel::Slice& slice : engine_.owned()) values += slice.count;
  return static_cast<std::int64_t>(values);
}

at::Tensor Learner::own_part(const at::Tensor& full, const std::vector<parallel::Slice>& slices) const {
  std::vector<at::Tensor> parts;
  parts.reserve(slices.size());
  for (const parallel::Slice& slice : slices) {
    parts.push_back(full.narrow(0, static_cast<std::int64_t>(slice.offset), static_cast<std::int64_t>(slice.count)));
  }
  return parts.empty() ? full.narrow(0, 0, 0).clone() : at::cat(parts);
}

/// From every rank's owned slices the whole buffer, on all ranks. Collective.
at::Tensor Learner::collected(const at::Tensor& own) {
  at::Tensor full = engine_.layout().make_buffer();
  std::int64_t at = 0;
  for (const parallel::Slice& slice : engine_.owned()) {
    const auto count = static_cast<std::int64_t>(slice.count);
    full.narrow(0, static_cast<std::int64_t>(slice.offset), count).copy_(own.narrow(0, at, count));
    at += count;
  }
  engine_.gather(full);
  return full;
}

/// Goes over to another layout of all buffers. Where sharded, one whole buffer at a time exists for a moment.
void Learner::follow(const parallel::FlatLayout& next) {
  const std::vector<parallel::Slice> owned = engine_.owned_under(next);
  const auto relaid = [&](const at::Tensor& state) {
    if (!sharded()) return parallel::moved(state, engine_.layout(), next);
    return own_part(parallel::moved(collected(state), engine_.layout(), next), owned);
  };
  adamw_.first_moment() = relaid(adamw_.first_moment());
  adamw_.second_moment() = relaid(adamw_.second_moment());
  if (sharded()) average_ = relaid(average_);
  weights_ = parallel::flatten_parameters(next, parameters_);
  if (ema_network_) ema_weights_ = parallel::flatten_parameters(next, ema_parameters_);
  if (!sharded()) average_ = ema_weights_;
  engine_.adopt(next);
}

void Learner::collect_average() {
  if (!sharded()) return;
  const at::Tensor full = collected(average_);
  if (ema_network_) ema_weights_.copy_(full);
}

std::uint64_t Learner::weights_hash() const {
  std::uint64_t hash = 0;
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor values = parameter.detach().cpu();
    const std::uint64_t pair[] = {hash, xxh3_64(values.const_data_ptr(), values.nbytes())};
    hash = xxh3_64(pair, sizeof pair);
  }
  return hash;
}

void Learner::describe(CheckpointContents& contents) {
  collect_average();
  const at::Tensor first = sharded() ? collected(adamw_.first_moment()) : adamw_.first_moment();
  const at::Tensor second = sharded() ? collected(adamw_.second_moment()) : adamw_.second_moment();
  if (!first_rank()) return;
  contents.weights = flow::named_state(*network_);
  contents.ema = flow::named_state(*ema_network_);
  contents.optimizer = engine_.layout().views(first, "exp_avg.");
  for (auto& moment : engine_.layout().views(second, "exp_avg_sq.")) contents.optimizer.push_back(std::move(moment));
}

void Learner::restore(const CheckpointInfo& checkpoint) {
  const std::string place = checkpoint.folder.string();
  copy_tensors(load_weights(checkpoint, WeightSet::raw), flow::named_state(*network_), place + "/model.safetensors");
  copy_tensors(load_weights(checkpoint, WeightSet::ema), flow::named_state(*ema_network_), place + "/ema.safetensors");
  const parallel::FlatLayout& layout = engine_.layout();
  const at::Tensor first = sharded() ? layout.make_buffer() : adamw_.first_moment();
  const at::Tensor second = sharded() ? layout.make_buffer() : adamw_.second_moment();
  if (sharded()) restored_ = {ema_weights_, first, second};
  const NamedTensors moments = load_optimizer(checkpoint);
  if (moments.empty()) return;
  NamedTensors own = layout.views(first, "exp_avg.");
  for (auto& moment : layout.views(second, "exp_avg_sq.")) own.push_back(std::move(moment));
  copy_tensors(moments, own, place + "/optimizer.safetensors");
}

void Learner::broadcast() {
  const auto send = [this](const at::Tensor& buffer) {
    const at::Tensor values = buffer.cpu();  // itself, if it is there
    communicator_.broadcast(values.mutable_data_ptr(), values.nbytes(), 0);
    if (!buffer.is_cpu()) buffer.copy_(values);
  };
  send(weights_);
  if (sharded()) {
    at::Tensor* own[] = {&average_, &adamw_.first_moment(), &adamw_.second_moment()};
    for (std::size_t i = 0; i < 3; ++i) {
      const at::Tensor full = first_rank() ? restored_.at(i) : engine_.layout().make_buffer();
      send(full);
      *own[i] = own_part(full, engine_.owned());
    }
    restored_.clear();
  } else {
    for (const at::Tensor& buffer : {ema_weights_, adamw_.first_moment(), adamw_.second_moment()}) send(buffer);
  }
  for (const auto* network : {network_.get(), ema_network_.get()}) {
    if (network == ema_network_.get() && sharded()) continue;  // rank 0's alone
    for (auto& [name, buffer] : buffers_of(*network)) {
      at::Tensor contiguous = buffer.cpu().contiguous();
      communicator_.broadcast(contiguous.mutable_data_ptr(), contiguous.nbytes(), 0);
      buffer.copy_(contiguous);
    }
  }
}

}  // namespace pathline
