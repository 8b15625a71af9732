#include "data/shards/shard_set.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "core/error.h"
#include "core/hash.h"
#include "data/shards/shard_file.h"
#include "data/shards/shard_index.h"

namespace pathline::data {

struct ShardSet::State {
  std::filesystem::path folder;
  DatasetInfo info;
  std::vector<ShardFile> shards;
  std::vector<std::uint64_t> first_ids;  // of each shard, ascending
  bool cached = false;

  std::size_t shard_of(std::uint64_t id) const {
    return static_cast<std::size_t>(std::upper_bound(first_ids.begin(), first_ids.end(), id) - first_ids.begin()) - 1;
  }
};

ShardSet::ShardSet(std::unique_ptr<State> state) : state_(std::move(state)) {}
ShardSet::~ShardSet() = default;
ShardSet::ShardSet(ShardSet&&) noexcept = default;
ShardSet& ShardSet::operator=(ShardSet&&) noexcept = default;

ShardSet ShardSet::open(const std::filesystem::path& folder, bool check_sha256) {
  OpenOptions options;
  options.check_sha256 = check_sha256;
  return open(folder, options);
}

ShardSet ShardSet::open(const std::filesystem::path& folder, const OpenOptions& options) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->info = read_index(folder);
  // Counts are bounded by the sizes of the files, so this product is far from overflow.
  state->cached = state->info.count * state->info.stored_bytes() <= options.cache_bytes;
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < state->info.shards.size(); ++i) {
    const DatasetInfo::Shard& entry = state->info.shards[i];
    state->shards.push_back(ShardFile::open(folder, state->info, i, options.backend));
    if (state->cached) state->shards.back().keep_in_memory();
    state->first_ids.push_back(first);
    first += entry.count;
    if (options.check_sha256) {
      const std::string found = sha256_file(folder / entry.file);
      if (found != entry.sha256) {
        throw Error(ExitCode::bad_input,
                    "the file is damaged: index.json says SHA-256 " + entry.sha256 + ", found " + found,
                    (folder / entry.file).string(),
                    "`pathline shards verify " + folder.string() + "` lists every damaged part");
      }
    }
  }
  return ShardSet(std::move(state));
}

const std::filesystem::path& ShardSet::folder() const noexcept {
  return state_->folder;
}
const DatasetInfo& ShardSet::info() const noexcept {
  return state_->info;
}
std::uint64_t ShardSet::size() const noexcept {
  return state_->info.count;
}
std::size_t ShardSet::sample_bytes() const noexcept {
  return state_->info.sample_bytes();
}

std::int64_t ShardSet::label(std::uint64_t id) const {
  if (id >= size()) throw std::logic_error("ShardSet::label: id beyond the end");
  const std::size_t shard = state_->shard_of(id);
  return state_->shards[shard].label(id - state_->first_ids[shard]);
}

std::string ShardSet::content_hash() const {
  Sha256 hash;
  for (const DatasetInfo::Shard& shard : state_->info.shards) {
    hash.update(shard.sha256.data(), shard.sha256.size());
    hash.update("\n", 1);
  }
  return hash.hex();
}

bool ShardSet::cached() const noexcept {
  return state_->cached;
}

const std::byte* ShardSet::sample(std::uint64_t id, std::byte* scratch) const {
  if (id >= size()) throw std::logic_error("ShardSet: sample id beyond the end");
  const std::size_t shard = state_->shard_of(id);
  return state_->shards[shard].sample(id - state_->first_ids[shard], scratch, id);
}

void ShardSet::read_sample(std::uint64_t id, void* out) const {
  auto* bytes = static_cast<std::byte*>(out);
  const std::byte* found = sample(id, bytes);
  if (found != bytes) std::memcpy(bytes, found, sample_bytes());
}

void ShardSet::read_condition(std::uint64_t id, std::size_t field, void* out) const {
  if (id >= size()) throw std::logic_error("ShardSet: sample id beyond the end");
  const std::size_t number = state_->shard_of(id);
  const ShardFile& shard = state_->shards[number];
  const std::uint64_t local = id - state_->first_ids[number];
  const bool labelled = !state_->info.class_names.empty();
  if (labelled && field == 0) {
    const std::int64_t label = shard.label(local);
    std::memcpy(out, &label, sizeof label);
    return;
  }
  const std::size_t index = field - (labelled ? 1 : 0);
  auto* bytes = static_cast<std::byte*>(out);
  const std::byte* found = shard.condition(local, index, bytes, id);
  if (found != bytes) std::memcpy(bytes, found, state_->info.conditions[index].value_bytes());
}

void ShardSet::prefetch(std::uint64_t id) const {
  const std::size_t shard = state_->shard_of(id);
  state_->shards[shard].prefetch(id - state_->first_ids[shard]);
}

void ShardSet::announce(std::uint64_t first, std::uint64_t count) const {
  if (state_->cached) return;
  for (std::uint64_t end = std::min(first + count, size()); first < end;) {
    const std::size_t shard = state_->shard_of(first);
    const std::uint64_t local = first - state_->first_ids[shard];
    const std::uint64_t here = std::min(end - first, state_->shards[shard].count() - local);
    state_->shards[shard].announce(local, here);
    first += here;
  }
}

}  // namespace pathline::data
