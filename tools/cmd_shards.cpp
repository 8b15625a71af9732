// pathline shards create | info | verify: turns data sets into shard folders (cmd_shards_create.cpp), looks at them,
// checks every byte.

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/shard_set.h"
#include "data/verify_shards.h"
#include "tools/cmd_shards_create.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/progress.h"

namespace pathline::tools {

namespace {

/// Shows that `done` of `total` images have been dealt with.
void show(Progress& progress, std::uint64_t done, std::uint64_t total) {
  progress.update(static_cast<double>(done) / static_cast<double>(total), fmt::format("{} of {} images", done, total));
}

std::vector<std::uint64_t> images_per_class(const data::ShardSet& shards) {
  std::vector<std::uint64_t> counts(shards.info().class_names.size());
  if (counts.empty()) return counts;
  for (std::uint64_t id = 0; id < shards.size(); ++id) ++counts[static_cast<std::size_t>(shards.label(id))];
  return counts;
}

int info(const std::vector<std::string>& arguments) {
  Options options("pathline shards info", "DIR [--json]",
                  "Says what a shard folder holds, after checking its structure and labels.");
  options.positional("DIR", "folder of image shards", 1, 1);
  options.flag("json", "print JSON instead of text");
  if (!options.parse(arguments)) return 0;

  const auto shards = data::ShardSet::open(options.words().front());
  const data::DatasetInfo& info = shards.info();
  const std::vector<std::uint64_t> counts = images_per_class(shards);
  std::uint64_t bytes = 0;
  for (const auto& shard : info.shards) bytes += shard.bytes;

  if (options.has("json")) {
    nlohmann::ordered_json json = {{"name", info.name},
                                   {"split", info.split},
                                   {"images", info.count},
                                   {"shape", {info.shape.channels, info.shape.height, info.shape.width}},
                                   {"dtype", info.dtype},
                                   {"mean", info.mean},
                                   {"scale", info.scale},
                                   {"bytes", bytes},
                                   {"content_hash", shards.content_hash()}};
    json["classes"] = nlohmann::ordered_json::array();
    for (std::size_t c = 0; c < counts.size(); ++c)
      json["classes"].push_back({{"name", info.class_names[c]}, {"images", counts[c]}});
    json["shards"] = nlohmann::ordered_json::array();
    for (const auto& shard : info.shards)
      json["shards"].push_back(
          {{"file", shard.file}, {"images", shard.count}, {"bytes", shard.bytes}, {"sha256", shard.sha256}});
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("{}{}\n", info.name, info.split.empty() ? "" : " (" + info.split + ")");
  fmt::print("  images        {}\n", info.count);
  fmt::print("  shape         {} channels, {} x {} pixels (height x width)\n", info.shape.channels, info.shape.height,
             info.shape.width);
  fmt::print("  dtype         {}\n", info.dtype);
  const bool uniform = std::all_of(info.mean.begin(), info.mean.end(), [&](double m) { return m == info.mean[0]; }) &&
                       std::all_of(info.scale.begin(), info.scale.end(), [&](double s) { return s == info.scale[0]; });
  if (uniform) {
    fmt::print("  network sees  (value - {}) / {}\n", info.mean[0], info.scale[0]);
  } else {
    for (std::size_t c = 0; c < info.mean.size(); ++c)
      fmt::print("  channel {:<4}  (value - {}) / {}\n", c, info.mean[c], info.scale[c]);
  }
  fmt::print("  shards        {}, {:.1f} MB\n", info.shards.size(), static_cast<double>(bytes) / 1e6);
  fmt::print("  content hash  {}\n", shards.content_hash());
  for (const auto& shard : info.shards)
    fmt::print("    {}  {} images, {:.1f} MB\n", shard.file, shard.count, static_cast<double>(shard.bytes) / 1e6);
  fmt::print("  classes       {}\n", counts.empty() ? "none" : std::to_string(counts.size()));
  for (std::size_t c = 0; c < counts.size(); ++c)
    fmt::print("    {:>4}  {:<20} {} images\n", c, info.class_names[c], counts[c]);
  return 0;
}

int verify(const std::vector<std::string>& arguments) {
  Options options("pathline shards verify", "DIR",
                  "Checks every byte: SHA-256 and structure of each shard, all labels, the checksum of each image. "
                  "Lists every problem; exit code 3 if there are any.");
  options.positional("DIR", "folder of image shards", 1, 1);
  if (!options.parse(arguments)) return 0;

  const std::filesystem::path folder = options.words().front();
  data::ShardReport report;
  {
    Progress progress("checking", false);
    report = data::verify_shards(folder, [&](std::uint64_t done, std::uint64_t total) { show(progress, done, total); });
  }
  for (const std::string& problem : report.problems) fmt::print("{}\n", problem);
  if (!report.problems.empty()) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("{} {} found", report.problems.size(), report.problems.size() == 1 ? "problem" : "problems"),
        folder.string(),
        "restore the damaged files from a copy, or make the shards anew with `pathline shards create`");
  }
  fmt::print("{}: all {} images in {} {} ({:.1f} MB) are whole\n", folder.string(), report.images, report.shards,
             report.shards == 1 ? "shard" : "shards", static_cast<double>(report.bytes) / 1e6);
  return 0;
}

}  // namespace

int run_shards(const std::vector<std::string>& arguments, CommandContext&) {
  return run_action("pathline shards", "Image shards: the data that training reads.",
                    {{"create", "convert a data set into shards", create_shards},
                     {"info", "say what a shard folder holds", info},
                     {"verify", "check every byte of a shard folder", verify}},
                    arguments);
}

}  // namespace pathline::tools
