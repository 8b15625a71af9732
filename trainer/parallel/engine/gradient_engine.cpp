#include "trainer/parallel/engine/gradient_engine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/stopwatch.h"
#include "trainer/parallel/agreement.h"

namespace pathline::parallel {
namespace {

bool all_finite(std::span<const float> values) {
  // All exponent bits set means infinite or NaN; a maximum of integers, unlike a test per value, is vectorised.
  std::uint32_t largest = 0;
  for (const float value : values) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & 0x7F800000U);
  return largest != 0x7F800000U;
}

std::string described(const std::string& name, const at::Tensor& tensor) {
  return fmt::format("{} {} [{}]", name, toString(tensor.scalar_type()), fmt::join(tensor.sizes(), ", "));
}

std::uint64_t hash_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().contiguous().cpu();
  return xxh3_64(values.const_data_ptr(), values.nbytes());
}

}  // namespace

/// One parameter's post hook on its AccumulateGrad node, which the tensor itself holds only weakly.
struct GradientEngine::Hook {
  c10::intrusive_ptr<torch::autograd::Node> node;
  std::uintptr_t key = 0;
};

GradientEngine::GradientEngine(const NamedParameters& parameters, Communicator& communicator,
                               const EngineSettings& settings, std::vector<MicroRange> ranges)
    : parameters_(parameters),
      communicator_(communicator),
      settings_(settings),
      ranges_(std::move(ranges)),
      own_range_(ranges_.at(static_cast<std::size_t>(communicator.rank()))) {
  compare_parameters();
  channel_ = communicator.gradient_channel();
  set_up(FlatLayout(parameters_));
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    auto node = torch::autograd::impl::grad_accumulator(parameters_[i].second);
    if (!node) throw Error(ExitCode::usage, "does not require a gradient", "parameter " + parameters_[i].first);
    const std::uintptr_t key = node->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
        [this, i](const std::vector<at::Tensor>& outputs, const std::vector<at::Tensor>&) {
          mark_parameter_ready(i);
          return outputs;
        }));
    hooks_.push_back({std::move(node), key});
  }
  if (alone()) return;
  thread_ = std::make_unique<CommunicationThread>();
  if (settings_.trace != nullptr) thread_->submit([this] { settings_.trace->name_thread("gradients"); });
}

GradientEngine::~GradientEngine() {
  for (const Hook& hook : hooks_) hook.node->del_post_hook(hook.key);
}

void GradientEngine::compare_parameters() const {
  std::string text;
  std::string hashes;
  for (const auto& [name, tensor] : parameters_) {
    text += described(name, tensor) + "\n";
    hashes += fmt::format("{:016x}", hash_of(tensor));
  }
  const std::vector<std::string> all = communicator_.all_gather(
      fmt::format("{:016x}{:016x}", xxh3_64(text.data(), text.size()), xxh3_64(hashes.data(), hashes.size())));
  if (std::all_of(all.begin(), all.end(), [&](const std::string& other) { return other == all.front(); })) return;

  // Only now, in the rare case, is the whole list sent.
  const std::vector<std::string> texts = communicator_.all_gather(text);
  const std::vector<std::string> values = communicator_.all_gather(hashes);
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    const std::string place = fmt::format("rank {} of {}", rank, all.size());
    if (texts[rank] != texts[0]) {
      const auto first =
          std::mismatch(texts[rank].begin(), texts[rank].end(), texts[0].begin(), texts[0].end()).second -
          texts[0].begin();
      const auto line_at = [first](const std::string& list) {
        const auto at = std::min(static_cast<std::size_t>(first), list.size());
        const std::size_t begin = at == 0 ? 0 : list.rfind('\n', at - 1) + 1;  // npos + 1 is 0
        return begin >= list.size() ? std::string("nothing") : list.substr(begin, list.find('\n', begin) - begin);
      };
      throw AgreedError(Error(ExitCode::usage,
                              fmt::format("has other parameters than rank 0: expected {}, found {}", line_at(texts[0]),
                                          line_at(texts[rank])),
                              {}, "all ranks must build the same module, in the same order"),
                        place);
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (values[rank].compare(16 * i, 16, values[0], 16 * i, 16) == 0) continue;
      throw AgreedError(
          Error(ExitCode::peer, fmt::format("parameter {} has other values than on rank 0", parameters_[i].first), {},
                "initialise with the same seed on all ranks, or broadcast rank 0's values; are all ranks "
                "the same program on the same kind of processor?"),
          place);
    }
  }
}

bool GradientEngine::in_host_memory() const {
  return channel_->on_host() && buffer_.is_cpu();
}

void GradientEngine::refuse_device_memory_on_host_channel() const {
  if (buffer_.is_cpu() || !channel_->on_host()) return;
  const std::string where = "the gradients lie on " + buffer_.device().str();
  if (!alone()) {
    throw Error(ExitCode::usage, where + ", which " + channel_->name() + " cannot reach", "parallel.backend",
                "use parallel.backend = nccl (or auto), or train on the CPU");
  }
  if (settings_.reduction == "reproducible") {
    throw Error(ExitCode::usage, where + "; sums in a fixed order are made in host memory", "parallel.reduction",
                "use parallel.reduction = fast, or train on the CPU");
  }
}

void GradientEngine::set_up(FlatLayout layout) {
  layout_.emplace(std::move(layout));
  norm_.emplace(*layout_);
  buffer_ = layout_->make_buffer();
  refuse_device_memory_on_host_channel();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    parameters_[i].second.mutable_grad() = layout_->view(buffer_, i);
  }
  buckets_ = plan_buckets(*layout_, settings_.first_bucket_bytes, settings_.bucket_bytes);
  if (buckets_.size() > GradientChannel::kSlots) {
    throw Error(ExitCode::usage, fmt::format("{} buckets are too many", buckets_.size()), "parallel.bucket_mib",
                "choose larger buckets");
  }
  plan_ = {};
  plan_.to_owners = settings_.to_owners;
  plan_.compression = settings_.compression;
  bucket_of_.assign(parameters_.size(), 0);
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    plan_.buckets.push_back(buckets_[b].range);
    plan_.slices.push_back(norm_->slices(buckets_[b], channel_->size()));
    for (std::size_t position = buckets_[b].first; position < buckets_[b].last; ++position)
      bucket_of_[layout_->order()[position]] = b;
  }
  owned_ = owned_under(*layout_);
  reduction_ = make_reduction(settings_.reduction, *channel_, span_of(buffer_), plan_, ranges_);
}

std::vector<Slice> GradientEngine::owned_under(const FlatLayout& layout) const {
  if (!settings_.to_owners) return {{0, static_cast<std::size_t>(layout.size())}};
  const BlockNorm norm(layout);
  std::vector<Slice> owned;
  for (const Bucket& bucket : plan_buckets(layout, settings_.first_bucket_bytes, settings_.bucket_bytes)) {
    const Slice slice = norm.slices(bucket, communicator_.size())[static_cast<std::size_t>(communicator_.rank())];
    if (slice.count > 0) owned.push_back({bucket.range.offset + slice.offset, slice.count});
  }
  return owned;
}

void GradientEngine::begin_micro_batch(std::uint64_t micro) {
  if (micro + 1 != own_range_.last) return;
  const std::lock_guard lock(mutex_);
  armed_ = true;
  ready_order_.clear();
  pending_.clear();
  for (const Bucket& bucket : buckets_) pending_.push_back(bucket.last - bucket.first);
}

void GradientEngine::mark_parameter_ready(std::size_t parameter) {
  const std::lock_guard lock(mutex_);
  if (!armed_) return;
  ready_order_.push_back(parameter);
  --pending_[bucket_of_[parameter]];
  if (!settings_.overlap || alone()) return;
  while (launched_ < buckets_.size() && pending_[launched_] == 0) launch_next_bucket();
}

void GradientEngine::launch_next_bucket() {
  const std::size_t bucket = launched_++;
  channel_->mark_ready(bucket);
  thread_->submit([this, bucket] { reduce_bucket(bucket); });
}

void GradientEngine::reduce_bucket(std::size_t bucket) {
  TraceSpan span(settings_.trace, "bucket", "communication");
  span.argument("number", static_cast<double>(bucket));
  span.argument("bytes", static_cast<double>(sent_bytes(bucket)));
  const Slice range = buckets_[bucket].range;
  if (in_host_memory() && !all_finite(span_of(buffer_).subspan(range.offset, range.count)))
    finite_.store(false, std::memory_order_relaxed);
  reduction_->reduce(bucket);
  reduced_.fetch_add(1, std::memory_order_relaxed);
}

void GradientEngine::end_micro_batch(std::uint64_t micro) {
  if (micro + 1 == own_range_.last) {
    backward_done_ = true;
  } else {
    reduction_->micro_batch_done(micro);
  }
}

CommunicationCounters GradientEngine::finish() {
  const Stopwatch clock;
  CommunicationCounters counters;
  if (alone()) {
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) reduce_bucket(bucket);
  } else {
    {
      const std::lock_guard lock(mutex_);
      while (launched_ < buckets_.size()) launch_next_bucket();
    }
    thread_->wait();
    channel_->order_after();
    counters.collectives = buckets_.size();
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) counters.bytes += sent_bytes(bucket);
    counters.seconds = thread_->take_busy_seconds();
    counters.exposed_seconds = clock.seconds();
  }

  const std::lock_guard lock(mutex_);
  const bool complete = backward_done_;
  armed_ = backward_done_ = false;
  launched_ = 0;
  reduced_.store(0, std::memory_order_relaxed);
  if (!complete) return counters;
  if (ready_order_.size() < parameters_.size()) {
    std::vector<bool> has_gradient(parameters_.size(), false);
    for (const std::size_t parameter : ready_order_) has_gradient[parameter] = true;
    std::string names;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      if (!has_gradient[i]) names += (names.empty() ? "" : ", ") + parameters_[i].first;
    }
    throw Error(ExitCode::usage, "backward gave these parameters no gradient: " + names, "training step",
                "every trainable parameter must take part in the loss; freeze the others (requires_grad = false)");
  }
  if (first_ready_order_.empty()) first_ready_order_ = ready_order_;
  return counters;
}

bool GradientEngine::is_finite() const {
  return !in_host_memory() || all_finite(span_of(buffer_));
}

void GradientEngine::zero() {
  buffer_.zero_();
  finite_.store(true, std::memory_order_relaxed);
}

void GradientEngine::check_views() const {
  const auto* begin = buffer_.const_data_ptr<float>();
  const auto* end = begin + buffer_.numel();
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor& gradient = parameter.grad();
    const auto* at = gradient.defined() ? gradient.const_data_ptr<float>() : nullptr;
    if (at == nullptr || at < begin || at >= end)
      throw std::logic_error("the gradient of " + name + " has left the flat buffer");
  }
}

double GradientEngine::norm() {
  if (!in_host_memory()) {  // any order will do: nothing is reproducible there
    double squares[] = {0};
    for (const Slice& slice : owned_) {
      const at::Tensor part =
          buffer_.narrow(0, static_cast<std::int64_t>(slice.offset), static_cast<std::int64_t>(slice.count));
      squares[0] += part.square().sum(at::kDouble).item<double>();
    }
    if (settings_.to_owners && !alone()) communicator_.all_reduce_sum(std::span<double>(squares));
    return std::sqrt(squares[0]);
  }
  std::vector<double> partial = norm_->partial(span_of(buffer_), owned_);
  // Blocks have one owner each: the others add zeros, which is exact in any order.
  if (settings_.to_owners && !alone()) communicator_.all_reduce_sum(std::span<double>(partial));
  return BlockNorm::total(partial);
}

void GradientEngine::gather(const at::Tensor& buffer) {
  if (!settings_.to_owners || alone()) return;
  const std::span<float> values = span_of(buffer);
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    channel_->mark_ready(bucket);
    thread_->submit([this, bucket, values] {
      const Slice range = buckets_[bucket].range;
      channel_->gather_from_owners(bucket, values.subspan(range.offset, range.count), plan_.slices[bucket]);
    });
  }
  thread_->wait();
  channel_->order_after();
}

std::optional<FlatLayout> GradientEngine::rebuilt_layout() {
  if (order_settled_ || first_ready_order_.empty()) return std::nullopt;
  order_settled_ = true;
  if (alone()) return std::nullopt;
  std::vector<std::uint64_t> order(first_ready_order_.begin(), first_ready_order_.end());
  communicator_.broadcast(order.data(), order.size() * sizeof(std::uint64_t), 0);
  std::vector<std::size_t> ready_order(order.begin(), order.end());
  if (ready_order == layout_->order()) return std::nullopt;
  return FlatLayout(parameters_, std::move(ready_order));
}

void GradientEngine::rebuild_buckets(const FlatLayout& layout) {
  set_up(layout);
}

}  // namespace pathline::parallel
