#pragma once
// index.json of a shard folder (docs/formats/shards.md): reading with every check, and writing. No HDF5 here.
// Thread-safety: no state.

#include <filesystem>
#include <string>

#include "data/shards/dataset_info.h"

namespace pathline::data {

inline constexpr const char* index_file_name = "index.json";

/// "shard-00007.h5"
std::string shard_file_name(std::size_t number);

/// The version that a folder with these contents is written in: the lowest that can express it.
std::int64_t lowest_format_version(const DatasetInfo& info);
/// Throws Error(file_system) if the folder or the index is missing, Error(bad_input) if the index is not exactly as the
/// format says.
DatasetInfo read_index(const std::filesystem::path& folder);
/// The text of index.json, its own checksum included.
std::string index_text(const DatasetInfo& info);

}  // namespace pathline::data
