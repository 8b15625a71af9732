#include "data/verify_shards.h"

#include <cstddef>

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"
#include "data/shard_file.h"
#include "data/shard_index.h"

namespace pathline::data {

ShardReport verify_shards(const std::filesystem::path& folder,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const DatasetInfo info = read_index(folder);
  ShardReport report;
  report.shards = info.shards.size();
  report.images = info.count;

  const auto note = [&](const Error& error) {
    report.problems.push_back(error.place().empty() ? error.message() : error.place() + ": " + error.message());
  };
  std::vector<std::byte> image(info.image_bytes());
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < info.shards.size(); ++i) {
    const DatasetInfo::Shard& entry = info.shards[i];
    report.bytes += entry.bytes;
    try {
      const ShardFile shard = ShardFile::open(folder, info, i);
      for (std::uint64_t local = 0; local < entry.count; ++local) {
        try {
          shard.read_image(local, image.data(), first + local);
        } catch (const Error& error) {
          note(error);
        }
        if (progress && local % 1024 == 0) progress(first + local, info.count);
      }
      // Last, for it covers what nothing else does: bytes that belong to no object.
      const std::string found = sha256_file(folder / entry.file);
      if (found != entry.sha256) {
        report.problems.push_back(
            fmt::format("{}: expected SHA-256 {}, found {}", (folder / entry.file).string(), entry.sha256, found));
      }
    } catch (const Error& error) {
      note(error);
    }
    first += entry.count;
  }
  if (progress) progress(info.count, info.count);
  return report;
}

}  // namespace pathline::data
