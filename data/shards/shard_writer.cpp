#include "data/shards/shard_writer.h"

#include <stdexcept>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "data/shards/dataset_check.h"
#include "data/shards/shard_builder.h"
#include "data/shards/shard_index.h"
#include "data/shards/value_checks.h"

namespace pathline::data {

struct ShardWriter::State {
  State(std::filesystem::path folder, DatasetInfo about, std::uint64_t per_shard)
      : info(std::move(about)), shard(info, per_shard, folder.string()), directory(std::move(folder)) {}

  DatasetInfo info;
  ShardBuilder shard;
  DurableDirectory directory;
  bool finished = false;

  void write_shard() { info.shards.push_back(shard.write(directory.path(), info.shards.size())); }
};

ShardWriter::ShardWriter(std::filesystem::path folder, DatasetInfo info, std::uint64_t samples_per_shard) {
  check_dataset_info(info, ExitCode::usage, folder.string());
  info.format_version = lowest_format_version(info);
  info.count = 0;
  info.shards.clear();
  state_ = std::make_unique<State>(std::move(folder), std::move(info), samples_per_shard);
}

ShardWriter::~ShardWriter() = default;

void ShardWriter::add(const void* sample, std::int64_t label, const ConditionValues& conditions) {
  State& s = *state_;
  if (s.finished) throw std::logic_error("ShardWriter::add after finish()");
  const std::size_t bytes = s.info.sample_bytes();
  std::string problem = label_problem(s.info, label);
  if (problem.empty() && s.info.dtype == "float32")
    problem = float_problem(static_cast<const std::byte*>(sample), bytes);
  if (problem.empty()) problem = conditions_problem(s.info, conditions);
  if (!problem.empty()) throw Error(ExitCode::bad_input, problem, fmt::format("sample {}", s.info.count));
  s.shard.add(sample, label, xxh3_64(sample, bytes), conditions);
  ++s.info.count;
  if (s.shard.full()) s.write_shard();
}

DatasetInfo ShardWriter::finish() {
  State& s = *state_;
  if (s.finished) throw std::logic_error("ShardWriter::finish called twice");
  if (s.info.count == 0) throw Error(ExitCode::bad_input, "there are no samples to write", "shards");
  if (s.shard.count() != 0) s.write_shard();
  write_file_durably(s.directory.path() / index_file_name, index_text(s.info));
  s.directory.commit();
  s.finished = true;
  return s.info;
}

}  // namespace pathline::data
