#pragma once
// Data-parallel gradients for any set of LibTorch parameters: what torch's DistributedDataParallel does for Python.
//
// Every parameter's .grad is a view into one flat buffer, which is cut into buckets. While the last backward of a step
// runs, hooks notice which parameters are done; as soon as the next bucket in the fixed order is full, the
// communication thread reduces it, and backward goes on. The order of the buckets is the same on all ranks; after the
// first step it is made anew, once, from the order in which rank 0's gradients really were ready.
//
//   for each step:
//     for each micro-batch of this rank: engine.begin_micro_batch(m); loss.backward(); engine.end_micro_batch(m);
//     engine.finish();              // afterwards gradients() holds the sum over all micro-batches of all ranks
//     ... update ...; engine.zero();
//     if (auto next = engine.rebuilt_layout()) { ... move own flat buffers ...; engine.rebuild_buckets(*next); }
//
// Never set a .grad to none: autograd would then allocate its own. Ownership: borrows the communicator; keeps the
// parameters; removes its hooks when destroyed. Thread-safety: the training thread, which is the one that calls
// backward().

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/trace.h"
#include "trainer/parallel/engine/communication_counters.h"
#include "trainer/parallel/engine/communication_thread.h"
#include "trainer/parallel/engine/flat_layout.h"
#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/engine/reduction.h"

namespace pathline::parallel {

struct EngineSettings {
  std::string reduction = "fast";  ///< or "reproducible": a fixed binary tree over micro-batches
  bool overlap = true;             ///< false: buckets are reduced one after the other in finish()
  bool to_owners = false;          ///< each rank gets the sum of owned() only (ZeRO-1)
  Compression compression = Compression::none;
  std::size_t first_bucket_bytes = std::size_t{1} << 20;
  std::size_t bucket_bytes = 0;  ///< 0: as plan_buckets() chooses
  TraceWriter* trace = nullptr;  ///< borrowed; a span per bucket on the thread "gradients"
};

class GradientEngine {
 public:
  /// `ranges`: the micro-batches of each rank in a step. Compares names, shapes, dtypes and values of the parameters
  /// over all ranks and throws AgreedError(usage or peer) naming the first that differs. Collective.
  GradientEngine(const NamedParameters& parameters, Communicator& communicator, const EngineSettings& settings,
                 std::vector<MicroRange> ranges);
  ~GradientEngine();
  GradientEngine(const GradientEngine&) = delete;
  GradientEngine& operator=(const GradientEngine&) = delete;

  void begin_micro_batch(std::uint64_t micro);
  void end_micro_batch(std::uint64_t micro);
  /// Whether what this rank has accumulated so far is finite. REQUIRES: no reduction under way. On a device: true.
  bool is_finite() const;
  /// Reduces what is not yet reduced and waits. Collective, also for a rank that gave its step up half-way.
  /// Throws Error(usage) naming parameters that backward gave no gradient.
  CommunicationCounters finish();
  /// Whether all gradients of this rank were finite, before they were summed with those of others. Valid after
  /// finish(); on a device it says true, and the sum must be looked at.
  bool was_finite() const noexcept { return finite_.load(std::memory_order_relaxed); }

  const FlatLayout& layout() const noexcept { return *layout_; }
  const at::Tensor& gradients() const noexcept { return buffer_; }
  void zero();
  /// Throws std::logic_error naming a parameter whose .grad no longer points into the buffer.
  void check_views() const;
  /// sqrt(sum of squares) of the summed gradient, the same bits for any layout and number of owners. Collective.
  double norm();

  /// The slices of the flat buffer that this rank updates: all of it unless to_owners.
  const std::vector<Slice>& owned() const noexcept { return owned_; }
  /// Sends every rank's owned() slices of `buffer` (laid out as layout()) to all. Collective.
  void gather(const at::Tensor& buffer);

  /// Once, after the first complete step: the layout in the order in which gradients were ready, if it is another.
  /// Collective.
  std::optional<FlatLayout> rebuilt_layout();
  /// What owned() would be under another layout.
  std::vector<Slice> owned_under(const FlatLayout& layout) const;
  /// Goes over to a layout. REQUIRES: between steps, gradients zero. The caller has moved its own buffers.
  void rebuild_buckets(const FlatLayout& layout);

  const std::vector<Bucket>& buckets() const noexcept { return buckets_; }
  /// Buckets of the step under way that have been reduced. From any thread.
  std::size_t reduced_so_far() const noexcept { return reduced_.load(std::memory_order_relaxed); }

 private:
  struct Hook;

  void set_up(FlatLayout layout);
  void compare_parameters() const;
  bool in_host_memory() const;
  void refuse_device_memory_on_host_channel() const;
  void mark_parameter_ready(std::size_t parameter);
  void launch_next_bucket();
  void reduce_bucket(std::size_t bucket);
  std::uint64_t sent_bytes(std::size_t bucket) const {
    return buckets_[bucket].range.count * (settings_.compression == Compression::bf16 ? 2 : 4);
  }
  bool alone() const { return channel_->size() == 1; }

  NamedParameters parameters_;
  Communicator& communicator_;
  const EngineSettings settings_;
  const std::vector<MicroRange> ranges_;
  const MicroRange own_range_;
  std::unique_ptr<GradientChannel> channel_;

  // Replaced by rebuild_buckets():
  std::optional<FlatLayout> layout_;
  std::optional<BlockNorm> norm_;
  at::Tensor buffer_;
  std::vector<Bucket> buckets_;
  ReductionPlan plan_;
  std::vector<std::size_t> bucket_of_;  // per parameter
  std::vector<Slice> owned_;
  std::unique_ptr<BucketReduction> reduction_;

  // The step under way:
  std::mutex mutex_;  // the next four: hooks may run on autograd's threads
  bool armed_ = false;
  std::vector<std::size_t> pending_;  // per bucket: parameters without gradient yet
  std::vector<std::size_t> ready_order_;
  std::size_t launched_ = 0;
  bool backward_done_ = false;
  std::atomic<bool> finite_{true};
  std::atomic<std::size_t> reduced_{0};
  std::vector<std::size_t> first_ready_order_;
  bool order_settled_ = false;

  std::vector<Hook> hooks_;
  std::unique_ptr<CommunicationThread> thread_;  // none when alone; last: its jobs use the members above
};

}  // namespace pathline::parallel
