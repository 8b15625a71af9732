#include "data/convert/work_area.h"

#include <cerrno>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json_text.h"
#include "core/log.h"
#include "core/remove_tree.h"
#include "core/retry.h"
#include "core/system.h"
#include "data/shards/shard_index.h"

namespace pathline::data {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t largest_state = std::uint64_t{1} << 30;

std::string part_name(std::size_t number) {
  return fmt::format("part-{:05}.json", number);
}

Json to_json(const ChannelStatistics& statistics) {
  return {{"count", statistics.count}, {"mean", statistics.mean}, {"squares", statistics.squares}};
}

ChannelStatistics statistics_from(const Json& json) {
  ChannelStatistics statistics;
  json.at("count").get_to(statistics.count);
  json.at("mean").get_to(statistics.mean);
  json.at("squares").get_to(statistics.squares);
  return statistics;
}

Json to_json(const ConversionPart& part) {
  Json json;
  json["next"] = part.next;
  json["duplicates"] = part.duplicates;
  json["skipped"] = Json::array();
  for (const SkippedSample& sample : part.skipped) json["skipped"].push_back({sample.name, sample.reason});
  json["statistics"] = to_json(part.statistics);
  json["shard"] = {{"file", part.shard.file},
                   {"count", part.shard.count},
                   {"bytes", part.shard.bytes},
                   {"sha256", part.shard.sha256},
                   {"labels_xxh3", part.shard.labels_xxh3},
                   {"checksums_xxh3", part.shard.checksums_xxh3}};
  if (part.condition_statistics.empty()) return json;
  json["shard"]["condition_checksums_xxh3"] = part.shard.condition_checksums_xxh3;
  json["condition_statistics"] = Json::array();
  for (const ChannelStatistics& each : part.condition_statistics) json["condition_statistics"].push_back(to_json(each));
  return json;
}

ConversionPart part_from(const Json& json) {
  ConversionPart part;
  json.at("next").get_to(part.next);
  json.at("duplicates").get_to(part.duplicates);
  for (const Json& pair : json.at("skipped"))
    part.skipped.push_back({pair.at(0).get<std::string>(), pair.at(1).get<std::string>()});
  part.statistics = statistics_from(json.at("statistics"));
  const Json& shard = json.at("shard");
  shard.at("file").get_to(part.shard.file);
  shard.at("count").get_to(part.shard.count);
  shard.at("bytes").get_to(part.shard.bytes);
  shard.at("sha256").get_to(part.shard.sha256);
  shard.at("labels_xxh3").get_to(part.shard.labels_xxh3);
  shard.at("checksums_xxh3").get_to(part.shard.checksums_xxh3);
  if (!json.contains("condition_statistics")) return part;
  shard.at("condition_checksums_xxh3").get_to(part.shard.condition_checksums_xxh3);
  for (const Json& each : json.at("condition_statistics")) part.condition_statistics.push_back(statistics_from(each));
  return part;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// A file of ours that a killed process, or the disk, may have left in any state; null: it says nothing.
Json readable_json(const fs::path& file) {
  const std::string text = read_file(file, largest_state);
  try {
    return parse_json(text, file.string(), "");
  } catch (const Error&) {
    return {};
  }
}

/// Empty if both plans are the same, else the first difference in words.
std::string difference(const Json& before, const ConversionPlan& now) {
  std::set<std::string> settings;
  for (const auto& [setting, value] : now) {
    settings.insert(setting);
    const auto found = before.find(setting);
    const std::string was = found == before.end() || !found->is_string() ? "" : found->get<std::string>();
    if (was != value) return fmt::format("{} was {}, now it is {}", setting, shown(was), shown(value));
  }
  for (const auto& [setting, unused] : before.items()) {
    if (!settings.contains(setting)) return setting + " was given, now it is not";
  }
  return "";
}

}  // namespace

WorkArea::WorkArea(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "name/"
  require_absent(target_);
  folder_ = target_.parent_path() / ("." + target_.filename().string() + ".partial");
  shards_ = folder_ / "shards";
}

WorkArea::WorkArea(fs::path target, const ConversionPlan& plan, bool start_over) : WorkArea(std::move(target)) {
  std::error_code ignored;
  if (!target_.parent_path().empty() && !fs::is_directory(target_.parent_path(), ignored))
    throw system_error(ENOENT, "cannot create the folder", target_.string());
  make_folder(folder_);
  lock_ = FileDescriptor(open_retrying(folder_ / ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!lock_) throw system_error(errno, "cannot write to the work folder", folder_.string());
  // A file system without locks is accepted.
  if (retrying([&] { return ::flock(lock_.get(), LOCK_EX | LOCK_NB); }) != 0 && errno == EWOULDBLOCK) {
    throw Error(ExitCode::usage, "another process is writing this data set", folder_.string(),
                "wait for it to end, or name another folder with --out");
  }

  const fs::path plan_file = folder_ / "plan.json";
  Json before;
  if (is_there(plan_file)) before = readable_json(plan_file);
  if (start_over) {
    before = {};
  } else if (before.is_object()) {
    const std::string changed = difference(before, plan);
    if (changed.empty()) {
      read_parts();
    } else if (is_there(folder_ / part_name(0))) {
      throw Error(ExitCode::usage, "an unfinished conversion with other settings lies here: " + changed,
                  folder_.string(), "repeat the earlier command to go on with it, or add --fresh to start over");
    }
  }
  claimed_ = true;
  remove_unfinished();
  make_folder(shards_);
  Json text = Json::object();
  for (const auto& [setting, value] : plan) text[setting] = value;
  write_file_durably(plan_file, text.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

WorkArea::~WorkArea() {
  if (published_) return;
  if (!claimed_) {
    // It was made, and could not be locked. One with contents is somebody's and stays.
    if (System::current().rmdir(folder_) != 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
      log_warning("a leftover could not be removed: " + folder_.string());
  } else if (parts_.empty() || discard_) {
    remove_leftover(folder_);
  }
}

void WorkArea::read_parts() {
  while (true) {
    const std::size_t number = parts_.size();
    const fs::path file = folder_ / part_name(number), shard = shards_ / shard_file_name(number);
    if (!is_there(file) || !is_there(shard)) return;
    try {
      ConversionPart part = part_from(readable_json(file));
      std::error_code failure;
      if (part.shard.file != shard_file_name(number) || fs::file_size(shard, failure) != part.shard.bytes || failure ||
          sha256_file(shard) != part.shard.sha256) {
        return;
      }
      parts_.push_back(std::move(part));
    } catch (const Json::exception&) {
      return;
    } catch (const Error&) {
      return;
    }
  }
}

/// Removes all that no part in `parts_` vouches for: half-written shards, temporaries of a killed process.
void WorkArea::remove_unfinished() const {
  std::set<fs::path> kept = {folder_ / ".lock", shards_};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    kept.insert(folder_ / part_name(i));
    kept.insert(shards_ / shard_file_name(i));
  }
  std::vector<fs::path> doomed;
  std::error_code failure;
  for (const fs::path& place : {folder_, shards_}) {
    for (fs::directory_iterator entry(place, failure), end; !failure && entry != end; entry.increment(failure)) {
      if (!kept.contains(entry->path())) doomed.push_back(entry->path());
    }
  }
  for (const fs::path& path : doomed) remove_leftover(path);
}

void WorkArea::record(ConversionPart part) {
  write_file_durably(folder_ / part_name(parts_.size()), to_json(part).dump(1) + "\n");
  parts_.push_back(std::move(part));
}

void WorkArea::publish() {
  publish_folder(shards_, target_);
  published_ = true;
  remove_leftover(folder_);
}

}  // namespace pathline::data
