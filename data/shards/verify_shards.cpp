#include "data/shards/verify_shards.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"
#include "data/convert/parallel_work.h"
#include "data/shards/buffer.h"
#include "data/shards/shard_file.h"
#include "data/shards/shard_index.h"

namespace pathline::data {

namespace {

/// Some samples of a shard, or, with none, the hash of its file.
struct Piece {
  std::size_t shard = 0;
  std::uint64_t first = 0, count = 0;
};

/// What is wrong, sorted as a person would look for it: by file, then by sample, the whole file last.
struct Problem {
  std::size_t shard = 0;
  std::uint64_t place = 0;
  std::string text;
};

constexpr std::uint64_t whole_file = std::numeric_limits<std::uint64_t>::max();

std::string line(const Error& error) {
  return error.place().empty() ? error.message() : error.place() + ": " + error.message();
}

}  // namespace

ShardReport verify_shards(const std::filesystem::path& folder,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress, int threads) {
  const DatasetInfo info = read_index(folder);
  ShardReport report;
  report.shards = info.shards.size();
  report.samples = info.count;

  std::vector<Problem> problems;
  std::vector<std::optional<ShardFile>> files(info.shards.size());
  std::vector<std::uint64_t> first_ids;
  std::vector<Piece> pieces;
  const std::uint64_t samples_per_piece = std::max<std::uint64_t>(1, (std::uint64_t{8} << 20) / info.sample_bytes());
  std::uint64_t first_id = 0;
  for (std::size_t i = 0; i < info.shards.size(); ++i) {
    const DatasetInfo::Shard& entry = info.shards[i];
    report.bytes += entry.bytes;
    first_ids.push_back(first_id);
    first_id += entry.count;
    try {
      files[i] = ShardFile::open(folder, info, i);
    } catch (const Error& error) {
      problems.push_back({i, 0, line(error)});
      continue;
    }
    // The hash of a file is one piece and the longest: it begins first.
    pieces.push_back({i, 0, 0});
    for (std::uint64_t first = 0; first < entry.count; first += samples_per_piece)
      pieces.push_back({i, first, std::min(samples_per_piece, entry.count - first)});
  }

  std::mutex mutex;  // guards problems
  std::atomic<std::uint64_t> done{0};
  const auto note = [&](std::size_t shard, std::uint64_t place, std::string text) {
    const std::lock_guard lock(mutex);
    problems.push_back({shard, place, std::move(text)});
  };
  const auto hash_file = [&](std::size_t shard) {
    // It covers what nothing else does: bytes that belong to no object.
    const DatasetInfo::Shard& entry = info.shards[shard];
    try {
      const std::string found = sha256_file(folder / entry.file);
      if (found == entry.sha256) return;
      note(shard, whole_file,
           fmt::format("{}: expected SHA-256 {}, found {}", (folder / entry.file).string(), entry.sha256, found));
    } catch (const Error& error) {
      note(shard, whole_file, line(error));
    }
  };
  const auto check_samples = [&](const Piece& piece) {
    Buffer<std::byte> sample(info.sample_bytes());
    const std::size_t values = info.dtype == "float32" ? info.sample_bytes() / sizeof(float) : 0;
    for (std::uint64_t local = piece.first; local < piece.first + piece.count; ++local) {
      const std::uint64_t id = first_ids[piece.shard] + local;
      try {
        files[piece.shard]->sample(local, sample.data(), id);
        const auto* numbers = reinterpret_cast<const float*>(sample.data());
        const auto* bad = std::find_if(numbers, numbers + values, [](float value) { return !std::isfinite(value); });
        if (bad != numbers + values) {
          note(piece.shard, local,
               fmt::format("{}:{}[{}]: value {} of sample {} is {}; expected finite numbers",
                           (folder / info.shards[piece.shard].file).string(), info.samples_path(), local, bad - numbers,
                           id, *bad));
        }
      } catch (const Error& error) {
        note(piece.shard, local, line(error));
      }
    }
    done += piece.count;
  };
  work_in_parallel(
      pieces.size(), threads,
      [&](std::uint64_t i) { pieces[i].count == 0 ? hash_file(pieces[i].shard) : check_samples(pieces[i]); },
      [&] {
        if (progress) progress(done, info.count);
      });
  if (progress) progress(info.count, info.count);

  std::sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.shard, a.place) < std::pair(b.shard, b.place);
  });
  for (Problem& problem : problems) report.problems.push_back(std::move(problem.text));
  return report;
}

}  // namespace pathline::data
