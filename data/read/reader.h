#pragma once
// Prefetching reader: hands out a rank's micro-batches in order, read and checked by a pool of threads ahead of time.
//
// Samples are delivered as stored; whoever uses them scales them (data/shards/normalizer.h). The memory of a batch that
// is handed back to next() is used again, so that a steady stream allocates nothing.
//
// Ownership: borrows the ShardSet, owns its threads (no process is forked, which MPI ranks could not bear). next() is
// for one thread. A read error or a wrong checksum surfaces as the Error that next() throws for the batch concerned;
// nothing damaged is ever delivered.

#include <cstdint>
#include <memory>
#include <vector>

#include "data/read/batch_plan.h"
#include "data/read/sample_order.h"
#include "data/shards/buffer.h"
#include "data/shards/shard_set.h"

namespace pathline::data {

struct Batch {
  /// Of the global batch that this one belongs to, from the start of the run: position / global_batch. Not the
  /// optimizer's step, which stands still where a batch is lost.
  std::uint64_t number = 0;
  std::uint64_t micro_index = 0;  ///< 0 … M−1 within the global batch
  std::vector<SampleRef> samples;
  /// Of all samples, one after another, as they are stored (DatasetInfo): [B, H, W, C], [B, D] or [B, H, D].
  Buffer<std::byte> values;
  /// The same of what they may be conditioned on: one per field of the set's all_conditions(), the label first.
  std::vector<Buffer<std::byte>> conditions;
};

struct ReaderOptions {
  std::uint64_t seed = 0;
  std::uint64_t first_batch = 0;  ///< number of the global batch to begin with
  BatchPlan plan;
  int threads = 2;
  int prefetch = 4;                                         ///< micro-batches read ahead, at most
  std::uint64_t prefetch_bytes = std::uint64_t{256} << 20;  ///< memory of these; one batch is always read ahead
  Shuffle shuffle;
};

class Reader {
 public:
  Reader(const ShardSet& shards, const ReaderOptions& options);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Batch next();                   ///< the stream is endless: epoch follows epoch
  void next(Batch& batch);        ///< the same; takes over the memory of what `batch` held
  double seconds_waited() const;  ///< time next() has spent waiting for data so far
  int batches_ahead() const;      ///< `prefetch`, or what fits prefetch_bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pathline::data
