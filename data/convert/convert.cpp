#include "data/convert/convert.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/hash.h"
#include "data/convert/ordered_pipeline.h"
#include "data/shards/dataset_check.h"
#include "data/shards/shard_builder.h"
#include "data/shards/shard_file.h"
#include "data/shards/shard_index.h"
#include "data/shards/value_checks.h"

namespace pathline::data {

namespace {

constexpr const char* skipped_file_name = "skipped.txt";
constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 18, most_in_piece = 64;
/// Finished samples that may wait for one before them: a picture of hundreds of megapixels takes seconds, in which the
/// other threads go on.
constexpr std::uint64_t waiting_bytes = std::uint64_t{64} << 20;

/// The first 16 bytes of a SHA-256: long enough that equal means the same, whoever made the input.
using ContentHash = std::array<std::uint64_t, 2>;
struct HashOfHash {
  std::size_t operator()(const ContentHash& hash) const noexcept { return static_cast<std::size_t>(hash[0]); }
};
using SeenContents = std::unordered_set<ContentHash, HashOfHash>;

ContentHash content_hash(const void* values, std::size_t bytes) {
  const std::string hex = sha256_hex(values, bytes);
  return {std::stoull(hex.substr(0, 16), nullptr, 16), std::stoull(hex.substr(16, 16), nullptr, 16)};
}

/// A few consecutive samples, the unit that threads work on.
struct Piece {
  struct Entry {
    std::vector<std::byte> raw;
    Sample sample;
    std::string problem;  // why the sample cannot be used; empty: it can
    std::uint64_t checksum = 0;
    ContentHash content{};
    ChannelStatistics statistics;
    std::vector<ChannelStatistics> condition_statistics;
  };
  std::uint64_t first = 0;
  std::vector<Entry> entries;
};

/// Text for the list of skipped samples: one line, valid UTF-8, whatever bytes a file name is made of.
std::string listed(const std::string& text) {
  const bool is_utf8 = [&] {
    try {
      (void)nlohmann::json(text).dump();
      return true;
    } catch (const nlohmann::json::exception&) {
      return false;
    }
  }();
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

/// Of one value of each condition; those that are not float32 need none.
std::vector<ChannelStatistics> statistics_of_conditions(const DatasetInfo& info, const ConditionValues& values) {
  std::vector<ChannelStatistics> statistics(info.conditions.size());
  for (std::size_t i = 0; i < info.conditions.size(); ++i) {
    const ConditionArray& condition = info.conditions[i];
    if (condition.dtype != "float32") continue;
    const auto channels = static_cast<std::size_t>(condition.field.sizes[0]);
    statistics[i] = ChannelStatistics::of_channels_first(reinterpret_cast<const float*>(values.at(i).data()), channels,
                                                         condition.values() / channels);
  }
  return statistics;
}

void merge(std::vector<ChannelStatistics>& into, const std::vector<ChannelStatistics>& others) {
  into.resize(std::max(into.size(), others.size()));
  for (std::size_t i = 0; i < others.size(); ++i) into[i].merge(others[i]);
}

class Conversion {
 public:
  Conversion(SampleSource& source, const ConvertOptions& options)
      : source_(source),
        options_(options),
        info_(make_info(source.facts(), options)),
        area_(options.out, full_plan(), options.start_over) {}

  ConvertSummary run();

 private:
  static DatasetInfo make_info(const SourceFacts& facts, const ConvertOptions& options);
  std::uint64_t samples_per_shard() const;
  ConversionPlan full_plan() const;
  void take_up(SeenContents& seen);
  void work_on(Piece& piece) const;
  void take(Piece& piece, ShardBuilder& shard, ConversionPart& part, SeenContents& seen);
  void finish_shard(ShardBuilder& shard, ConversionPart& part, std::uint64_t next);
  [[noreturn]] void refuse(const SkippedSample& sample) const;
  void publish(const std::vector<SkippedSample>& skipped);

  SampleSource& source_;
  const ConvertOptions& options_;
  DatasetInfo info_;
  WorkArea area_;
};

DatasetInfo Conversion::make_info(const SourceFacts& facts, const ConvertOptions& options) {
  DatasetInfo info;
  info.name = options.name.empty() ? facts.name : options.name;
  info.split = options.split;
  info.shape = facts.shape;
  info.dtype = facts.dtype;
  info.class_names = facts.class_names;
  // Those of float32 are known at the end only.
  const auto channels = static_cast<std::size_t>(facts.shape.channels());
  info.mean.assign(channels, 127.5);
  info.scale.assign(channels, 127.5);
  info.conditions = facts.conditions;
  for (ConditionArray& condition : info.conditions) {
    if (condition.is_label()) continue;
    condition.mean.assign(static_cast<std::size_t>(condition.field.sizes.at(0)), 127.5);
    condition.scale = condition.mean;
  }
  info.format_version = lowest_format_version(info);
  check_dataset_info(info, ExitCode::usage, options.out.string());
  return info;
}

std::uint64_t Conversion::samples_per_shard() const {
  if (options_.shard_samples != 0) return options_.shard_samples;
  return std::max<std::uint64_t>(1, options_.shard_bytes / info_.stored_bytes());
}

ConversionPlan Conversion::full_plan() const {
  ConversionPlan plan = options_.plan;
  plan.emplace_back("contents of the input", source_.facts().fingerprint);
  plan.emplace_back("--name", info_.name);
  plan.emplace_back("--split", info_.split);
  plan.emplace_back("--limit", options_.limit == UINT64_MAX ? "none" : std::to_string(options_.limit));
  plan.emplace_back("samples per shard", std::to_string(samples_per_shard()));
  plan.emplace_back("--dedupe", options_.dedupe ? "yes" : "no");
  plan.emplace_back("version of the conversion", "1");
  return plan;
}

void Conversion::refuse(const SkippedSample& sample) const {
  throw Error(ExitCode::bad_input, "cannot be used: " + sample.reason, sample.name,
              "--on-error skip leaves such samples out and lists them" +
                  std::string(area_.parts().empty() ? "" : "; it goes on from the shards that are finished"));
}

/// Puts what the finished shards say into the counts.
void Conversion::take_up(SeenContents& seen) {
  std::uint64_t there = 0;
  for (const ConversionPart& part : area_.parts()) {
    if (!options_.skip_bad && !part.skipped.empty()) refuse(part.skipped.front());
    info_.shards.push_back(part.shard);
    there += part.shard.count;
  }
  info_.count = there;
  if (there != 0 && options_.say) {
    options_.say(fmt::format("going on after {} samples in {} finished {}", there, info_.shards.size(),
                             info_.shards.size() == 1 ? "shard" : "shards"));
  }
  if (!options_.dedupe) return;
  std::vector<std::byte> sample(info_.sample_bytes());
  for (std::size_t i = 0; i < info_.shards.size(); ++i) {
    const ShardFile shard = ShardFile::open(area_.shards_folder(), info_, i);
    for (std::uint64_t local = 0; local < shard.count(); ++local) {
      seen.insert(content_hash(shard.sample(local, sample.data(), local), sample.size()));
    }
  }
}

void Conversion::work_on(Piece& piece) const {
  for (std::size_t i = 0; i < piece.entries.size(); ++i) {
    Piece::Entry& entry = piece.entries[i];
    if (!entry.problem.empty()) continue;  // found while fetching
    try {
      source_.decode(piece.first + i, entry.raw, entry.sample);
    } catch (const BadSample& problem) {
      entry.problem = problem.message();
    } catch (const std::bad_alloc&) {
      entry.problem = "there is not enough memory to decode it";
    }
    entry.raw = {};
    if (entry.problem.empty()) entry.problem = conditions_problem(info_, entry.sample.conditions);
    if (!entry.problem.empty()) continue;
    entry.condition_statistics = statistics_of_conditions(info_, entry.sample.conditions);
    const std::vector<std::byte>& values = entry.sample.values;
    entry.checksum = xxh3_64(values.data(), values.size());
    if (options_.dedupe) entry.content = content_hash(values.data(), values.size());
    if (info_.dtype == "float32") {
      const auto channels = static_cast<std::size_t>(info_.shape.channels());
      entry.statistics = ChannelStatistics::of(reinterpret_cast<const float*>(values.data()),
                                               values.size() / sizeof(float) / channels, channels);
    }
  }
}

void Conversion::finish_shard(ShardBuilder& shard, ConversionPart& part, std::uint64_t next) {
  part.shard = shard.write(area_.shards_folder(), info_.shards.size());
  part.next = next;
  info_.shards.push_back(part.shard);
  area_.record(std::move(part));
  part = {};
}

void Conversion::take(Piece& piece, ShardBuilder& shard, ConversionPart& part, SeenContents& seen) {
  for (std::size_t i = 0; i < piece.entries.size(); ++i) {
    Piece::Entry& entry = piece.entries[i];
    const std::uint64_t number = piece.first + i;
    if (entry.problem.empty()) entry.problem = label_problem(info_, entry.sample.label);
    if (!entry.problem.empty()) {
      part.skipped.push_back({listed(source_.sample_name(number)), listed(entry.problem)});
      if (!options_.skip_bad) refuse(part.skipped.back());
      continue;
    }
    if (options_.dedupe && !seen.insert(entry.content).second) {
      ++part.duplicates;
      continue;
    }
    shard.add(entry.sample.values.data(), entry.sample.label, entry.checksum, entry.sample.conditions);
    part.statistics.merge(entry.statistics);
    merge(part.condition_statistics, entry.condition_statistics);
    ++info_.count;
    if (shard.full()) finish_shard(shard, part, number + 1);
  }
}

void Conversion::publish(const std::vector<SkippedSample>& skipped) {
  if (info_.dtype == "float32") {
    ChannelStatistics all;
    for (const ConversionPart& part : area_.parts()) all.merge(part.statistics);
    info_.mean = all.mean;
    for (std::size_t c = 0; c < info_.scale.size(); ++c) info_.scale[c] = all.scale(c);
  }
  std::vector<ChannelStatistics> all;
  for (const ConversionPart& part : area_.parts()) merge(all, part.condition_statistics);
  for (std::size_t i = 0; i < info_.conditions.size(); ++i) {
    ConditionArray& condition = info_.conditions[i];
    if (condition.dtype != "float32") continue;
    condition.mean = all.at(i).mean;
    for (std::size_t k = 0; k < condition.scale.size(); ++k) condition.scale[k] = all[i].scale(k);
  }
  check_dataset_info(info_, ExitCode::bad_input, options_.out.string());
  if (!skipped.empty()) {
    std::string text;
    for (const SkippedSample& sample : skipped) text += sample.name + "\t" + sample.reason + "\n";
    write_file_durably(area_.shards_folder() / skipped_file_name, text);
  }
  write_file_durably(area_.shards_folder() / index_file_name, index_text(info_));
  area_.publish();
}

ConvertSummary Conversion::run() {
  ConvertSummary summary;
  summary.found = source_.facts().count;
  const std::uint64_t total = std::min(summary.found, options_.limit);
  summary.beyond_limit = summary.found - total;

  SeenContents seen;
  take_up(seen);
  const std::uint64_t start = area_.parts().empty() ? 0 : area_.parts().back().next;
  ShardBuilder shard(info_, samples_per_shard(), options_.out.string());
  ConversionPart part;

  const std::uint64_t in_piece = std::clamp<std::uint64_t>(piece_bytes / info_.stored_bytes(), 1, most_in_piece);
  std::uint64_t fetched = start;
  const auto fetch = [&](Piece& piece) {
    if (fetched == total) return false;
    piece.first = fetched;
    piece.entries.resize(std::min(in_piece, total - fetched));
    for (Piece::Entry& entry : piece.entries) {
      try {
        source_.fetch(fetched, entry.raw);
      } catch (const BadSample& problem) {
        entry.problem = problem.message();
      }
      ++fetched;
    }
    return true;
  };
  {
    const std::uint64_t window = std::max<std::uint64_t>(2 * static_cast<std::uint64_t>(options_.threads),
                                                         waiting_bytes / (in_piece * info_.stored_bytes()));
    OrderedPipeline<Piece> pipeline(
        fetch, [&](Piece& piece) { work_on(piece); }, options_.threads, static_cast<std::size_t>(window));
    const auto next_piece = [&] {
      try {
        return pipeline.next();
      } catch (const Error& error) {
        // The input as a whole is unusable and must change; then what was made of it is of no use.
        if (error.code() == ExitCode::bad_input) area_.discard();
        throw;
      }
    };
    std::uint64_t done = start;
    while (auto piece = next_piece()) {
      take(*piece, shard, part, seen);
      done += piece->entries.size();
      if (options_.progress) options_.progress(done, total, start);
      if (options_.stop && options_.stop()) {
        summary.stopped = true;
        break;
      }
    }
  }
  if (!summary.stopped && shard.count() != 0) finish_shard(shard, part, total);
  for (const ConversionPart& finished : area_.parts()) {
    summary.duplicates += finished.duplicates;
    summary.skipped_samples.insert(summary.skipped_samples.end(), finished.skipped.begin(), finished.skipped.end());
  }
  summary.duplicates += part.duplicates;  // after the last shard
  summary.skipped_samples.insert(summary.skipped_samples.end(), part.skipped.begin(), part.skipped.end());
  summary.skipped = summary.skipped_samples.size();
  for (const DatasetInfo::Shard& finished : info_.shards) summary.written += finished.count;
  summary.info = info_;
  if (summary.stopped) {
    if (!area_.parts().empty()) summary.kept_in = area_.folder();
    return summary;
  }
  if (info_.count == 0) {
    const std::string first =
        summary.skipped_samples.empty()
            ? ""
            : "; the first one, " + shown(summary.skipped_samples[0].name) + ": " + summary.skipped_samples[0].reason;
    throw Error(ExitCode::bad_input, fmt::format("none of the {} samples can be used{}", summary.found, first),
                source_.facts().name);
  }
  publish(summary.skipped_samples);
  summary.info = info_;
  return summary;
}

}  // namespace

ConvertSummary convert(SampleSource& source, const ConvertOptions& options) {
  return Conversion(source, options).run();
}

}  // namespace pathline::data
