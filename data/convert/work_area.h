#pragma once
// The unfinished side of a conversion: a hidden folder `.NAME.partial` beside the target that survives a kill, so that
// the same command goes on where the last whole shard ended.
//
//     .NAME.partial/plan.json          what is being converted, and how
//     .NAME.partial/part-00000.json    written once shard 0 is on disk: where in the input it ended, and what was
//     counted .NAME.partial/shards/            what becomes the target folder
//
// Every file is durable before the next is begun. A shard counts only with its part file, and only while it has the
// size and SHA-256 that the part says; the first that fails ends what is kept, and the rest is converted again.
// Ownership: holds a lock on the folder for its lifetime, so that two processes cannot work in it. One thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/file_descriptor.h"
#include "data/shards/channel_statistics.h"
#include "data/shards/dataset_info.h"

namespace pathline::data {

/// Everything that decides what comes out: setting and value, in a fixed order.
using ConversionPlan = std::vector<std::pair<std::string, std::string>>;

/// A sample that was left out, and why.
struct SkippedSample {
  std::string name, reason;
};

/// One shard and what happened on the way to it.
struct ConversionPart {
  DatasetInfo::Shard shard;
  std::uint64_t next = 0;  ///< number of the first sample after it
  std::uint64_t duplicates = 0;
  std::vector<SkippedSample> skipped;
  ChannelStatistics statistics;                         ///< of its samples; empty for uint8
  std::vector<ChannelStatistics> condition_statistics;  ///< one per condition, empty but of float32
};

class WorkArea {
 public:
  /// Opens or makes the work area of `target`. Error(usage) if it holds parts made by another plan (`start_over`
  /// removes them instead), if another process works in it, or if `target` exists.
  WorkArea(std::filesystem::path target, const ConversionPlan& plan, bool start_over);
  ~WorkArea();  ///< removes it where it holds nothing worth keeping
  WorkArea(const WorkArea&) = delete;
  WorkArea& operator=(const WorkArea&) = delete;

  const std::filesystem::path& folder() const noexcept { return folder_; }
  const std::filesystem::path& shards_folder() const noexcept { return shards_; }
  const std::vector<ConversionPart>& parts() const noexcept { return parts_; }
  /// Says that the shard of this part is complete.
  void record(ConversionPart part);
  /// The parts are of no use: remove them with the object.
  void discard() noexcept { discard_ = true; }
  /// Moves the shards into place as `target`, and is done.
  void publish();

 private:
  explicit WorkArea(std::filesystem::path target);  ///< names only; what follows may fail, and the destructor cleans up
  void read_parts();
  void remove_unfinished() const;

  std::filesystem::path target_, folder_, shards_;
  FileDescriptor lock_;
  std::vector<ConversionPart> parts_;
  bool claimed_ = false;  // locked, and free for this plan
  bool discard_ = false, published_ = false;
};

}  // namespace pathline::data
