#pragma once
// A folder of shards, opened and checked (format: docs/formats/shards.md). HDF5 is touched only while opening:
// afterwards samples are plain byte ranges of the shard files, read with pread (or through HDF5, if asked for).
//
// open() throws Error(bad_input) for anything that does not look exactly as the format says, Error(file_system) for
// unreadable files, with file, object, expected and found. Thread-safety: immutable after open(); samples may be
// called from any number of threads.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/shards/array_bytes.h"
#include "data/shards/dataset_info.h"

namespace pathline::data {

struct OpenOptions {
  bool check_sha256 = false;  ///< also every byte of every file
  ReadBackend backend = ReadBackend::pread;
  std::uint64_t cache_bytes = 0;  ///< keep samples and conditions in memory if all fit
};

class ShardSet {
 public:
  /// Checks index, every shard's layout and all labels; with `check_sha256` also every byte.
  static ShardSet open(const std::filesystem::path& folder, bool check_sha256 = false);
  static ShardSet open(const std::filesystem::path& folder, const OpenOptions& options);
  ~ShardSet();
  ShardSet(ShardSet&&) noexcept;
  ShardSet& operator=(ShardSet&&) noexcept;

  const std::filesystem::path& folder() const noexcept;
  const DatasetInfo& info() const noexcept;
  std::uint64_t size() const noexcept;         ///< samples in all shards
  std::size_t sample_bytes() const noexcept;   ///< bytes of one sample
  std::int64_t label(std::uint64_t id) const;  ///< REQUIRES id < size()
  std::string content_hash() const;  ///< SHA-256 over the shards' hashes: names the data in provenance records

  bool cached() const noexcept;  ///< whether samples are kept in memory

  /// Sample `id` as it is stored (DatasetInfo) into `out`; checks its xxh3 checksum.
  void read_sample(std::uint64_t id, void* out) const;
  /// The same without a copy where it is in memory; else it is read into `scratch` (sample_bytes() bytes).
  const std::byte* sample(std::uint64_t id, std::byte* scratch) const;
  /// The value that `field`, a place in info().all_conditions(), has for sample `id`, as it is stored, into `out`;
  /// checks its xxh3 checksum. Of the label, too.
  void read_condition(std::uint64_t id, std::size_t field, void* out) const;
  /// Sample `id` will be asked for in a moment. REQUIRES id < size().
  void prefetch(std::uint64_t id) const;
  /// Tells the system that `count` samples from `first` on are wanted soon.
  void announce(std::uint64_t first, std::uint64_t count) const;

 private:
  struct State;
  explicit ShardSet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pathline::data
