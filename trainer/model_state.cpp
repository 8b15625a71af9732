#include "trainer/model_state.h"

#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"
#include "trainer/parallel/agreement.h"

namespace pathline {
namespace {

NamedTensors buffers_of(const torch::nn::Module& network) {
  NamedTensors buffers;
  for (const auto& item : network.named_buffers()) buffers.emplace_back(item.key(), item.value());
  return buffers;
}

/// A new network, or none where it is not needed; a failure on one rank is one on all. Collective.
std::shared_ptr<flow::VelocityNetwork> network_for(const ModelStateSettings& settings,
                                                   parallel::Communicator& communicator, at::Device device,
                                                   bool needed) {
  std::shared_ptr<flow::VelocityNetwork> network;
  parallel::together(communicator, [&] {
    if (!needed) return;
    network = flow::make_network(settings.network, settings.seed);
    network->to(device);
  });
  return network;
}

std::int64_t as_int(std::size_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

ModelState::ModelState(const ModelStateSettings& settings, parallel::Communicator& communicator, at::Device device)
    : communicator_(communicator),
      optimizer_(settings.optimizer),
      sharded_(settings.engine.to_owners && communicator.size() > 1),
      network_(network_for(settings, communicator, device, true)),
      parameters_(parallel::trainable_parameters(*network_)),
      data_parallel_(*network_, communicator, {settings.engine, settings.micro_batches, /*broadcast=*/false}),
      weights_(parallel::flatten_parameters(layout(), parameters_)) {
  network_->train();
  Average average;
  average.network = network_for(settings, communicator, device, first_rank() || !sharded());
  if (average.network) {
    average.network->eval();
    average.parameters = parallel::trainable_parameters(*average.network);
    average.whole = parallel::flatten_parameters(layout(), average.parameters);
  }
  average.own = sharded() ? own_part(weights_, data_parallel_.engine().owned()) : average.whole;
  averages_.push_back(std::move(average));
  for (const OptimizerBuffer& buffer : optimizer_->buffers()) {
    buffers_.push_back({buffer.name, buffer.initial, at::full({owned_values()}, buffer.initial, weights_.options())});
  }
}

std::int64_t ModelState::owned_values() const {
  std::int64_t values = 0;
  for (const parallel::Slice& slice : data_parallel_.engine().owned()) values += as_int(slice.count);
  return values;
}

std::vector<OwnedSlice> ModelState::owned_slices() const {
  const parallel::GradientEngine& engine = data_parallel_.engine();
  std::vector<OwnedSlice> slices;
  std::int64_t own = 0;  // place among the owned values
  for (const parallel::Slice& slice : engine.owned()) {
    const std::int64_t offset = as_int(slice.offset), count = as_int(slice.count);
    OwnedSlice part{{weights_.narrow(0, offset, count), engine.gradients().narrow(0, offset, count), {}}, {}};
    for (const Buffer& buffer : buffers_) part.optimizer.buffers.push_back(buffer.own.narrow(0, own, count));
    for (const Average& average : averages_) part.averages.push_back(average.own.narrow(0, own, count));
    slices.push_back(std::move(part));
    own += count;
  }
  return slices;
}

void ModelState::finish_update() {
  data_parallel_.engine().gather(weights_);
  for (const Average& average : averages_) {
    if (average.network) copy_tensors(buffers_of(*network_), buffers_of(*average.network), "averaged network");
  }
  data_parallel_.zero_grad([this](const parallel::FlatLayout& next) { move_to(next); });
}

/// All that is kept per owned value: the optimizer's buffers, then the averages.
std::vector<at::Tensor*> ModelState::kept_by_owners() {
  std::vector<at::Tensor*> kept;
  for (Buffer& buffer : buffers_) kept.push_back(&buffer.own);
  for (Average& average : averages_) kept.push_back(&average.own);
  return kept;
}

at::Tensor ModelState::own_part(const at::Tensor& whole, const std::vector<parallel::Slice>& slices) const {
  std::vector<at::Tensor> parts;
  parts.reserve(slices.size());
  for (const parallel::Slice& slice : slices) {
    parts.push_back(whole.narrow(0, as_int(slice.offset), as_int(slice.count)));
  }
  return parts.empty() ? whole.narrow(0, 0, 0).clone() : at::cat(parts);
}

/// From every rank's owned slices the whole buffer, on all ranks. Collective.
at::Tensor ModelState::collected(const at::Tensor& own) {
  parallel::GradientEngine& engine = data_parallel_.engine();
  at::Tensor whole = layout().make_buffer();
  std::int64_t at = 0;
  for (const parallel::Slice& slice : engine.owned()) {
    whole.narrow(0, as_int(slice.offset), as_int(slice.count)).copy_(own.narrow(0, at, as_int(slice.count)));
    at += as_int(slice.count);
  }
  engine.gather(whole);
  return whole;
}

/// Goes over to another layout of all buffers. Where sharded, one whole buffer at a time exists for a moment.
void ModelState::move_to(const parallel::FlatLayout& next) {
  if (sharded()) {
    const std::vector<parallel::Slice> owned = data_parallel_.engine().owned_under(next);
    for (at::Tensor* own : kept_by_owners()) *own = own_part(parallel::moved(collected(*own), layout(), next), owned);
  } else {
    for (Buffer& buffer : buffers_) buffer.own = parallel::moved(buffer.own, layout(), next);
  }
  weights_ = parallel::flatten_parameters(next, parameters_);
  for (Average& average : averages_) {
    if (average.network) average.whole = parallel::flatten_parameters(next, average.parameters);
    if (!sharded()) average.own = average.whole;
  }
}

void ModelState::collect_averages() {
  if (!sharded()) return;
  for (const Average& average : averages_) {
    const at::Tensor whole = collected(average.own);
    if (average.network) average.whole.copy_(whole);
  }
}

/// xxh3 of the weights, whatever their layout.
std::uint64_t ModelState::weights_hash() const {
  std::uint64_t hash = 0;
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor values = parameter.detach().cpu();
    const std::uint64_t pair[] = {hash, xxh3_64(values.const_data_ptr(), values.nbytes())};
    hash = xxh3_64(pair, sizeof pair);
  }
  return hash;
}

void ModelState::check_same_weights(const std::string& when) const {
  const std::uint64_t hash = weights_hash();
  const auto high = static_cast<double>(hash >> 32), low = static_cast<double>(hash & 0xFFFFFFFF);
  double extremes[] = {high, low, -high, -low};
  communicator_.all_reduce_max(extremes);
  if (extremes[0] == -extremes[2] && extremes[1] == -extremes[3]) return;
  throw parallel::AgreedError(Error(ExitCode::peer, "the ranks hold different weights " + when, {},
                                    "are all ranks the same program with the same libraries, on the same kind of "
                                    "processor?"),
                              fmt::format("{} ranks", communicator_.size()));
}

void ModelState::describe(CheckpointContents& contents) {
  collect_averages();
  std::vector<at::Tensor> whole;
  for (const Buffer& buffer : buffers_) {
    at::Tensor values = sharded() ? collected(buffer.own) : buffer.own;
    if (first_rank()) whole.push_back(std::move(values));
  }
  if (!first_rank()) return;
  contents.weights = flow::named_state(*network_);
  contents.ema = flow::named_state(averaged_network());
  contents.optimizer = optimizer_tensors(whole);
}

/// The parameters' parts of whole buffers, under the names they have in checkpoints.
NamedTensors ModelState::optimizer_tensors(const std::vector<at::Tensor>& whole) const {
  NamedTensors tensors;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    for (auto& tensor : layout().views(whole[i], buffers_[i].name + ".")) tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void ModelState::restore(const CheckpointInfo& checkpoint) {
  const std::string place = checkpoint.folder.string();
  copy_tensors(load_weights(checkpoint, WeightSet::raw), flow::named_state(*network_), place + "/model.safetensors");
  copy_tensors(load_weights(checkpoint, WeightSet::ema), flow::named_state(averaged_network()),
               place + "/ema.safetensors");
  std::vector<at::Tensor> whole;
  for (const Buffer& buffer : buffers_) {
    whole.push_back(sharded() ? layout().make_buffer().fill_(buffer.initial) : buffer.own);
  }
  const NamedTensors stored = load_optimizer(checkpoint);
  if (!stored.empty()) copy_tensors(stored, optimizer_tensors(whole), place + "/optimizer.safetensors");
  if (!sharded()) return;
  restored_ = std::move(whole);
  for (const Average& average : averages_) restored_.push_back(average.whole);
}

void ModelState::send_from_first(const at::Tensor& tensor) {
  const at::Tensor values = tensor.cpu().contiguous();  // itself, if it is there and so
  communicator_.broadcast(values.mutable_data_ptr(), values.nbytes(), 0);
  if (!values.is_same(tensor)) tensor.copy_(values);
}

void ModelState::broadcast() {
  send_from_first(weights_);
  const std::vector<at::Tensor*> kept = kept_by_owners();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!sharded()) {
      send_from_first(*kept[i]);
      continue;
    }
    const at::Tensor whole = first_rank() ? restored_.at(i) : layout().make_buffer();
    send_from_first(whole);
    *kept[i] = own_part(whole, data_parallel_.engine().owned());
  }
  restored_.clear();
  for (const auto& [name, buffer] : buffers_of(*network_)) send_from_first(buffer);
  if (sharded()) return;  // the averaged networks are rank 0's alone
  for (const Average& average : averages_) {
    for (const auto& [name, buffer] : buffers_of(*average.network)) send_from_first(buffer);
  }
}

}  // namespace pathline
