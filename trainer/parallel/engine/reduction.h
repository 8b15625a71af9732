#pragma once
// How the gradients of all micro-batches of all ranks become one sum, bucket by bucket.
//
// Per step: micro_batch_done() after each backward but this rank's last, then reduce() for every bucket, in order, as
// soon as the last backward has filled it. fast: gradients accumulate in place and are all-reduced in whatever order
// the library likes. reproducible: one fixed binary tree over micro-batches, the same bits for any number of ranks
// (trainer/parallel/engine/summation_tree.h). Ownership: borrows channel and buffer.
// Thread-safety: reduce() belongs to the communication thread, the rest to the training thread, never at once for one
// bucket.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/engine/summation_tree.h"

namespace pathline::parallel {

struct ReductionPlan {
  std::vector<Slice> buckets;              ///< of the flat buffer
  std::vector<std::vector<Slice>> slices;  ///< per bucket: one slice per rank, offsets within the bucket
  bool to_owners = false;                  ///< each rank needs the sum of its own slices only
  Compression compression = Compression::none;
};

class BucketReduction {
 public:
  virtual ~BucketReduction() = default;
  /// The buffer holds the gradient of micro-batch `micro`, added to what the last call left in it.
  virtual void micro_batch_done(std::uint64_t micro) = 0;
  /// The bucket also holds that of this rank's last micro-batch. Afterwards it holds the sum over the global batch.
  /// A rank that gave its step up calls this all the same, whatever the bucket holds: peers wait for it.
  virtual void reduce(std::size_t bucket) = 0;
};

/// `kind`: "fast" or "reproducible". `ranges`: the micro-batches of each rank, ascending and without gaps.
/// Throws Error(usage) for an unknown kind, or one that the channel cannot do.
std::unique_ptr<BucketReduction> make_reduction(const std::string& kind, GradientChannel& channel,
                                                std::span<float> gradients, ReductionPlan plan,
                                                const std::vector<MicroRange>& ranges);

}  // namespace pathline::parallel
