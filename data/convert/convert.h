#pragma once
// Turns a source of samples into a shard folder: decodes in several threads, writes in order, leaves out duplicates and
// what cannot be used, and resumes after a kill from the last whole shard (data/convert/work_area.h).
//
// The result is a function of the source and the options alone: neither the number of threads nor interruptions change
// a byte. Memory: one shard, two pieces of a few samples per thread, and what each thread needs to decode one sample.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/convert/work_area.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

struct ConvertOptions {
  std::filesystem::path out;
  std::string name, split;
  std::uint64_t limit = UINT64_MAX;  ///< only the first so many samples of the source
  std::uint64_t shard_samples = 0;   ///< samples in one shard; 0: as many as fit shard_bytes
  std::uint64_t shard_bytes = std::uint64_t{256} << 20;
  bool dedupe = false;      ///< leave out samples whose values equal those of an earlier one
  bool skip_bad = false;    ///< leave out what cannot be used, instead of ending with its error
  bool start_over = false;  ///< remove what an earlier, unfinished conversion left
  int threads = 1;
  ConversionPlan plan;         ///< what else decides the result; compared when resuming
  std::function<bool()> stop;  ///< asked between pieces; may be empty
  std::function<void(std::uint64_t done, std::uint64_t total, std::uint64_t since)> progress;  ///< since: done before
  std::function<void(const std::string&)> say;                                                 ///< remarks for people
};

/// found = written + skipped + duplicates + beyond_limit, unless stopped.
struct ConvertSummary {
  DatasetInfo info;
  std::uint64_t found = 0, written = 0, skipped = 0, duplicates = 0, beyond_limit = 0;
  std::vector<SkippedSample> skipped_samples;
  bool stopped = false;           ///< nothing was published; the same call goes on
  std::filesystem::path kept_in;  ///< where the finished shards are, if stopped
};

/// Errors: those of the source; Error(bad_input) naming the sample for one that cannot be used, unless skip_bad, and if
/// nothing remains to be written; Error(usage) for options that do not fit; Error(file_system).
ConvertSummary convert(SampleSource& source, const ConvertOptions& options);

}  // namespace pathline::data
