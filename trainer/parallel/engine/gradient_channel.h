#pragma once
// How the buckets of a flat gradient buffer travel between ranks: the interface that the communication thread drives.
//
// Three kinds of caller, each from one thread at a time:
//   - mark_ready(): the thread that runs backward, when everything that writes a bucket has been issued;
//   - the collectives: the communication thread, in the same order on every rank. On a device they are enqueued on the
//     channel's own stream, behind the event that mark_ready() recorded, and return at once; on the host they block;
//   - order_after(): the training thread, when the communication thread is idle. Work that it issues from then on comes
//     after everything the collectives did; the host does not wait for a device.
// Spans are device memory where name() is "nccl", else host memory. `slot`: a bucket's number, below kSlots.
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

/// What crosses the wire. bf16: each rank's contribution and the sum are rounded to bfloat16, half the bytes.
enum class Wire { fp32, bf16 };

class GradientChannel {
 public:
  static constexpr std::size_t kSlots = 4096;

  virtual ~GradientChannel() = default;
  virtual std::string name() const = 0;  ///< "self", "mpi", "nccl"
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Whether the memory is the host's, so that sums in a fixed order can be made here.
  virtual bool on_host() const = 0;

  virtual void mark_ready(std::size_t slot) = 0;

  /// In place, on every rank.
  virtual void all_reduce_sum(std::size_t slot, std::span<float> values, Wire wire) = 0;
  /// values[slices[r]] becomes the sum over all ranks on rank r; what it becomes elsewhere is unspecified. `slices`:
  /// one per rank, disjoint.
  virtual void reduce_to_owners(std::size_t slot, std::span<float> values, std::span<const Slice> slices,
                                Wire wire) = 0;
  /// values[slices[r]] of rank r goes to every rank.
  virtual void gather_from_owners(std::size_t slot, std::span<float> values, std::span<const Slice> slices) = 0;
  /// As Communicator::all_to_all. Host memory only.
  virtual void all_to_all(std::span<const std::span<const std::byte>> to_each,
                          std::span<const std::span<std::byte>> from_each) = 0;

  virtual void order_after() = 0;
};

/// Host memory over a communicator that nobody else uses.
std::unique_ptr<GradientChannel> make_host_channel(std::unique_ptr<Communicator> communicator);

}  // namespace pathline::parallel
