#pragma once
// Checks every byte of a shard folder and goes on after the first problem. Several threads share the work, sample by
// sample and file by file; the report is the same whatever their number. Thread-safety: no state.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace pathline::data {

struct ShardReport {
  std::uint64_t shards = 0, samples = 0, bytes = 0;  ///< as the index says
  std::vector<std::string> problems;                 ///< damage: one line each, with file and object
  /// What could not be read and so was not checked (permissions, a limit of open files, an input/output error): one
  /// line each. All is well if both are empty.
  std::vector<std::string> unread;
  std::string unread_hint;  ///< what to do about the first of them
};

/// SHA-256 of every shard, its structure, labels, the checksum of every sample and condition, and that floats are
/// finite. `progress(done, total)`, in samples, is called now and then by the calling thread. `threads`: 0 for one per
/// usable
/// core. Throws only what read_index() throws: without an index there is nothing to verify against.
ShardReport verify_shards(const std::filesystem::path& folder,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress = {}, int threads = 0);

}  // namespace pathline::data
