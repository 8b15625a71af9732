#include "data/shards/verify_shards.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/parallel_work.h"
#include "data/shards/buffer.h"
#include "data/shards/shard_file.h"
#include "data/shards/shard_index.h"
#include "data/shards/value_checks.h"

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
constexpr std::uint64_t piece_bytes = std::uint64_t{8} << 20;

std::size_t largest_value(const DatasetInfo& info) {
  std::size_t bytes = info.sample_bytes();
  for (const ConditionArray& condition : info.conditions) bytes = std::max(bytes, condition.value_bytes());
  return bytes;
}

std::vector<std::string> texts_in_order(std::vector<Problem> problems) {
  // Those of one sample come from one thread, in the order of its values.
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.shard, a.place) < std::pair(b.shard, b.place);
  });
  std::vector<std::string> texts;
  for (Problem& problem : problems) texts.push_back(std::move(problem.text));
  return texts;
}

std::string line(const Error& error) {
  return error.place().empty() ? error.message() : error.place() + ": " + error.message();
}

class Verification {
 public:
  explicit Verification(const std::filesystem::path& folder)
      : folder_(folder), info_(read_index(folder)), files_(info_.shards.size()) {}

  ShardReport run(const std::function<void(std::uint64_t, std::uint64_t)>& progress, int threads);

 private:
  void open_files();
  void check_file(std::size_t shard);
  void check_samples(const Piece& piece);
  std::string path_of(std::size_t shard) const { return (folder_ / info_.shards[shard].file).string(); }
  void note(std::size_t shard, std::uint64_t place, std::string text) {
    const std::lock_guard lock(mutex_);
    problems_.push_back({shard, place, std::move(text)});
  }
  /// What the file system refuses, be it for a limit of this process, says nothing of the file.
  void note_error(std::size_t shard, std::uint64_t place, const Error& error) {
    const bool refused = error.code() == ExitCode::file_system;
    const std::lock_guard lock(mutex_);
    (refused ? unread_ : problems_).push_back({shard, place, line(error)});
    if (refused && unread_hint_.empty()) unread_hint_ = error.hint();
  }

  const std::filesystem::path folder_;
  const DatasetInfo info_;
  std::vector<std::optional<ShardFile>> files_;
  std::vector<std::uint64_t> first_ids_;  // of each shard
  std::vector<Piece> pieces_;
  std::atomic<std::uint64_t> done_{0};  // samples
  std::mutex mutex_;                    // guards the next three
  std::vector<Problem> problems_, unread_;
  std::string unread_hint_;
};

void Verification::open_files() {
  const std::uint64_t samples_per_piece = std::max<std::uint64_t>(1, piece_bytes / info_.stored_bytes());
  std::uint64_t first_id = 0;
  for (std::size_t i = 0; i < info_.shards.size(); ++i) {
    const std::uint64_t count = info_.shards[i].count;
    first_ids_.push_back(first_id);
    first_id += count;
    try {
      files_[i] = ShardFile::open(folder_, info_, i);
    } catch (const Error& error) {
      note_error(i, 0, error);
      continue;
    }
    // The hash of a file is one piece and the longest: it begins first.
    pieces_.push_back({i, 0, 0});
    for (std::uint64_t first = 0; first < count; first += samples_per_piece)
      pieces_.push_back({i, first, std::min(samples_per_piece, count - first)});
  }
}

/// Covers what nothing else does: bytes that belong to no object.
void Verification::check_file(std::size_t shard) {
  const std::string& expected = info_.shards[shard].sha256;
  try {
    const std::string found = sha256_file(path_of(shard));
    if (found != expected)
      note(shard, whole_file, fmt::format("{}: expected SHA-256 {}, found {}", path_of(shard), expected, found));
  } catch (const Error& error) {
    note_error(shard, whole_file, error);
  }
}

void Verification::check_samples(const Piece& piece) {
  const ShardFile& file = *files_[piece.shard];
  Buffer<std::byte> scratch(largest_value(info_));
  for (std::uint64_t local = piece.first; local < piece.first + piece.count; ++local) {
    const std::uint64_t id = first_ids_[piece.shard] + local;
    /// `look` reads a value, with its checksum, and says what else is wrong with it.
    const auto check = [&](const std::string& object, const auto& look) {
      try {
        const std::string problem = look();
        if (problem.empty()) return;
        note(piece.shard, local,
             fmt::format("{}:{}[{}]: sample {}: {}", path_of(piece.shard), object, local, id, problem));
      } catch (const Error& error) {
        note_error(piece.shard, local, error);
      }
    };
    check(info_.samples_path(), [&] {
      const std::byte* values = file.sample(local, scratch.data(), id);
      return info_.dtype == "float32" ? float_problem(values, info_.sample_bytes()) : std::string();
    });
    for (std::size_t i = 0; i < info_.conditions.size(); ++i) {
      const ConditionArray& condition = info_.conditions[i];
      check(condition.path(), [&] {
        return condition_problem(condition, {file.condition(local, i, scratch.data(), id), condition.value_bytes()});
      });
    }
  }
  done_ += piece.count;
}

ShardReport Verification::run(const std::function<void(std::uint64_t, std::uint64_t)>& progress, int threads) {
  open_files();
  work_in_parallel(
      pieces_.size(), threads,
      [&](std::uint64_t i) {
        if (pieces_[i].count == 0) {
          check_file(pieces_[i].shard);
        } else {
          check_samples(pieces_[i]);
        }
      },
      [&] {
        if (progress) progress(done_, info_.count);
      });
  if (progress) progress(info_.count, info_.count);

  ShardReport report;
  report.shards = info_.shards.size();
  report.samples = info_.count;
  for (const DatasetInfo::Shard& shard : info_.shards) report.bytes += shard.bytes;
  report.problems = texts_in_order(std::move(problems_));
  report.unread = texts_in_order(std::move(unread_));
  report.unread_hint = unread_hint_;
  return report;
}

}  // namespace

ShardReport verify_shards(const std::filesystem::path& folder,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress, int threads) {
  return Verification(folder).run(progress, threads);
}

}  // namespace pathline::data
