#pragma once
// Prefetching reader: hands out a rank's micro-batches in order, read and checked by a pool of threads ahead of time.
//
// Ownership: borrows the ShardSet, owns its threads. next() is for one thread. A read error or a wrong checksum
// surfaces as the Error that next() throws for the batch concerned; nothing damaged is ever delivered. No HDF5 call
// happens here.

#include <cstdint>
#include <memory>
#include <vector>

#include "data/sample_order.h"
#include "data/shard_set.h"

namespace pathline::data {

struct Batch {
  std::uint64_t step = 0;         ///< optimizer step it belongs to: position / global_batch
  std::uint64_t micro_index = 0;  ///< 0 … M−1 within the global batch
  std::vector<SampleRef> samples;
  std::vector<std::byte> images;  ///< [B, H, W, C], dtype of the set
  std::vector<std::int64_t> labels;
};

struct ReaderOptions {
  std::uint64_t seed = 0;
  std::uint64_t first_step = 0;
  BatchPlan plan;
  int threads = 2;
  int prefetch = 4;  ///< micro-batches read ahead
};

class Reader {
 public:
  Reader(const ShardSet& shards, const ReaderOptions& options);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Batch next();                   ///< the stream is endless: epoch follows epoch
  double seconds_waited() const;  ///< time next() has spent waiting for data so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pathline::data
