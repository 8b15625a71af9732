#pragma once
// How the buckets of a flat gradient buffer travel between ranks: the interface that the communication thread drives.
//
// Three kinds of caller, each from one thread at a time:
//   - mark_ready(): the thread that runs backward, when everything that writes a bucket has been issued;
//   - the collectives: the communication thread, in the same order on every rank. On a device they are enqueued on the
//     channel's own stream, behind the event that mark_ready() recorded, and return at once; on the host they block;
//   - order_after(): the training thread, when the communication thread is idle. Work that it issues from then on comes
//     after everything the collectives did; the host does not wait for a device.
// Spans are host memory where on_host(), else device memory. `slot`: a bucket's number, below kSlots.
// Errors: Error(peer).

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trainer/parallel/communicator.h"

namespace pathline::parallel {

/// A run of floats within a buffer.
struct Slice {
  std::size_t offset = 0, count = 0;
  bool operator==(const Slice&) const = default;
};

/// Of gradients on their way. bf16: each rank's contribution and the sum are rounded to bfloat16, half the bytes.
enum class Compression { none, bf16 };

class HostChannel;

class GradientChannel {
 public:
  static constexpr std::size_t kSlots = 4096;

  virtual ~GradientChannel() = default;
  virtual std::string name() const = 0;  ///< "self", "mpi", "nccl"
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// This channel, where the memory is the host's, so that sums in a fixed order can be made here; else null.
  virtual HostChannel* host() noexcept { return nullptr; }
  bool on_host() noexcept { return host() != nullptr; }

  virtual void mark_ready(std::size_t slot) = 0;

  /// In place, on every rank.
  virtual void all_reduce_sum(std::size_t slot, std::span<float> values, Compression compression) = 0;
  /// values[slices[r]] becomes the sum over all ranks on rank r; what it becomes elsewhere is unspecified. `slices`:
  /// one per rank, disjoint.
  virtual void reduce_to_owners(std::size_t slot, std::span<float> values, std::span<const Slice> slices,
                                Compression compression) = 0;
  /// values[slices[r]] of rank r goes to every rank.
  virtual void gather_from_owners(std::size_t slot, std::span<float> values, std::span<const Slice> slices) = 0;
  virtual void order_after() = 0;
};

class HostChannel : public GradientChannel {
 public:
  HostChannel* host() noexcept final { return this; }
  /// As Communicator::all_to_all.
  virtual void all_to_all(std::span<const std::span<const std::byte>> to_each,
                          std::span<const std::span<std::byte>> from_each) = 0;
};

/// Over a communicator that nobody else uses.
std::unique_ptr<HostChannel> make_host_channel(std::unique_ptr<Communicator> communicator);

}  // namespace pathline::parallel
