#pragma once
// One shard file, opened and checked: the HDF5 structure once, at open; afterwards plain byte ranges read with pread.
//
// Ownership: owns its file descriptor, labels and checksums. Thread-safety: immutable after open(); read_image() from
// any number of threads.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/file_descriptor.h"
#include "data/shard_set.h"

namespace pathline::data {

class ShardFile {
 public:
  /// Checks shard number `index` of `info` against what the index says of it: size, format version, layout, labels,
  /// checksums. Throws Error(bad_input) or Error(file_system).
  static ShardFile open(const std::filesystem::path& folder, const DatasetInfo& info, std::size_t index);

  std::uint64_t count() const noexcept { return labels_.size(); }
  const std::vector<std::int64_t>& labels() const noexcept { return labels_; }
  /// Image `local` (0 ... count-1) into `out`, its checksum verified; `id` is its number in the whole set, for the
  /// error message.
  void read_image(std::uint64_t local, void* out, std::uint64_t id) const;

 private:
  ShardFile() = default;
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::uint64_t images_offset_ = 0;
  std::size_t image_bytes_ = 0;
  std::vector<std::int64_t> labels_;
  std::vector<std::uint64_t> checksums_;
};

}  // namespace pathline::data
