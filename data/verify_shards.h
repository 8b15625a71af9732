#pragma once
// Checks every byte of a shard folder and goes on after the first problem. Thread-safety: no state.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace pathline::data {

struct ShardReport {
  std::uint64_t shards = 0, images = 0, bytes = 0;  ///< as the index says
  std::vector<std::string> problems;                ///< one line each, with file and object; empty: all is well
};

/// SHA-256 of every shard, its structure, labels, and the checksum of every image; `progress(done, total)` in images,
/// if given. Throws only what read_index() throws: without an index there is nothing to verify against.
ShardReport verify_shards(const std::filesystem::path& folder,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace pathline::data
