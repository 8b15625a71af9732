#include "trainer/parallel/engine/data_parallel.h"

#include <stdexcept>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/share.h"

namespace pathline::parallel {
namespace {

void broadcast_values(const torch::nn::Module& module, Communicator& communicator) {
  const at::NoGradGuard no_grad;
  const auto send = [&](const at::Tensor& tensor) {
    at::Tensor values = tensor.detach().contiguous().cpu();
    communicator.broadcast(values.mutable_data_ptr(), values.nbytes(), 0);
    tensor.copy_(values);
  };
  for (const at::Tensor& parameter : module.parameters()) send(parameter);
  for (const at::Tensor& buffer : module.buffers()) send(buffer);
}

}  // namespace

NamedParameters trainable_parameters(const torch::nn::Module& module) {
  NamedParameters trainable;
  for (const auto& item : module.named_parameters()) {
    if (item.value().requires_grad()) trainable.emplace_back(item.key(), item.value());
  }
  return trainable;
}

DataParallel::DataParallel(torch::nn::Module& module, Communicator& communicator, const DataParallelOptions& options)
    : total_(options.micro_batches > 0 ? options.micro_batches : static_cast<std::uint64_t>(communicator.size())) {
  const auto ranks = static_cast<std::uint64_t>(communicator.size());
  if (total_ < ranks) {
    throw Error(ExitCode::usage, fmt::format("{} micro-batches are too few for {} ranks", total_, ranks),
                "DataParallelOptions::micro_batches", "use as many as there are ranks, or more");
  }
  std::vector<MicroRange> ranges;
  for (std::uint64_t rank = 0; rank < ranks; ++rank) {
    const Share share = share_of(total_, rank, ranks);
    ranges.push_back({share.first, share.last});
  }
  own_ = ranges[static_cast<std::size_t>(communicator.rank())];
  next_ = own_.first;

  if (options.broadcast) broadcast_values(module, communicator);
  engine_ = std::make_unique<GradientEngine>(trainable_parameters(module), communicator, options.engine, ranges);
}

bool DataParallel::backward_part(const at::Tensor& loss) {
  if (next_ == own_.last) throw std::logic_error("backward() was called for all micro-batches of this step already");
  engine_->begin_micro_batch(next_);
  loss.backward();
  // The last micro-batch is checked bucket by bucket before it leaves.
  const bool finite = next_ + 1 == own_.last || engine_->is_finite();
  engine_->end_micro_batch(next_);
  ++next_;
  return finite;
}

CommunicationCounters DataParallel::finish() {
  const CommunicationCounters counters = engine_->finish();
  next_ = own_.first;
  try {
    engine_->check_views();
  } catch (const std::logic_error& error) {
    throw Error(ExitCode::usage, error.what(), "DataParallel::finish",
                "call zero_grad() of DataParallel instead of the optimizer's or the module's");
  }
  return counters;
}

void DataParallel::zero_grad(const std::function<void(const FlatLayout& next)>& before_rebuild) {
  engine_->zero();
  const auto next = engine_->rebuilt_layout();
  if (!next) return;
  if (before_rebuild) before_rebuild(*next);
  engine_->rebuild_buckets(*next);
}

}  // namespace pathline::parallel
