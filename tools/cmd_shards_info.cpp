// pathline shards info: says what a shard folder holds; with --stats what its values look like; with --png as pictures.

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/error.h"
#include "data/pictures/image_shape.h"
#include "data/shards/buffer.h"
#include "data/shards/normalizer.h"
#include "data/shards/set_statistics.h"
#include "sampling/picture.h"
#include "sampling/sample_file.h"
#include "tools/cmd_shards.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/progress.h"

namespace pathline::tools {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t sheet_columns = 10, most_sheet_rows = 50;

std::vector<std::uint64_t> images_per_class(const data::ShardSet& shards) {
  std::vector<std::uint64_t> counts(shards.info().class_names.size());
  if (counts.empty()) return counts;
  for (std::uint64_t id = 0; id < shards.size(); ++id) ++counts[static_cast<std::size_t>(shards.label(id))];
  return counts;
}

data::SetStatistics statistics_of(const data::ShardSet& shards, int threads) {
  Progress progress("measuring", false);
  return data::set_statistics(
      shards,
      [&](std::uint64_t done, std::uint64_t total) {
        progress.update(static_cast<double>(done) / static_cast<double>(total),
                        fmt::format("{} of {} images", done, total));
      },
      threads);
}

/// Which images to show: the first of each class, a row per class; without classes, images spread over the set.
std::vector<std::vector<std::uint64_t>> sheet_ids(const data::ShardSet& shards) {
  const std::size_t classes = shards.info().class_names.size();
  std::vector<std::vector<std::uint64_t>> rows(std::min<std::size_t>(classes, most_sheet_rows));
  if (classes == 0) {
    const std::uint64_t shown = std::min<std::uint64_t>(sheet_columns * sheet_columns, shards.size());
    for (std::uint64_t i = 0; i < shown; ++i) {
      if (i % sheet_columns == 0) rows.emplace_back();
      rows.back().push_back(i * shards.size() / shown);
    }
    return rows;
  }
  std::size_t complete = 0;
  for (std::uint64_t id = 0; id < shards.size() && complete < rows.size(); ++id) {
    const auto label = static_cast<std::size_t>(shards.label(id));
    if (label >= rows.size() || rows[label].size() == sheet_columns) continue;
    rows[label].push_back(id);
    complete += rows[label].size() == sheet_columns ? 1 : 0;
  }
  return rows;
}

std::string contact_sheet(const data::ShardSet& shards) {
  const data::DatasetInfo& info = shards.info();
  const data::Normalizer normalize(info);
  const sampling::ByteMapping mapping = sampling::byte_mapping(info.dtype, info.mean, info.scale);
  const auto values = static_cast<std::size_t>(info.shape.values());
  const data::ImageShape shape = data::image_shape(info.shape, shards.folder().string());
  const auto channels = static_cast<std::size_t>(shape.channels);
  data::Buffer<std::byte> stored(shards.sample_bytes());
  std::vector<float> seen(values);
  std::vector<std::uint8_t> bytes;
  sampling::GridRows rows;
  std::int64_t number = 0;
  for (const auto& ids : sheet_ids(shards)) {
    rows.emplace_back();
    for (const std::uint64_t id : ids) {
      normalize(shards.sample(id, stored.data()), seen.data());
      for (std::size_t i = 0; i < values; ++i) bytes.push_back(mapping.byte(seen[i], i % channels));
      rows.back().push_back(number++);
    }
  }
  const std::int64_t longer = std::max(shape.height, shape.width);
  return sampling::encode_png(
      sampling::tile(bytes, shape, rows, {.scale = std::clamp<std::int64_t>(64 / longer, 1, 4)}));
}

Json as_json(const data::ShardSet& shards, const std::vector<std::uint64_t>& counts, std::uint64_t bytes,
             const std::optional<data::SetStatistics>& statistics) {
  const data::DatasetInfo& info = shards.info();
  Json json = {{"name", info.name},
               {"split", info.split},
               {"images", info.count},
               {"kind", to_string(info.shape.kind())},
               {"shape", info.shape.sizes()},
               {"dtype", info.dtype},
               {"mean", info.mean},
               {"scale", info.scale},
               {"bytes", bytes},
               {"content_hash", shards.content_hash()}};
  json["classes"] = Json::array();
  for (std::size_t c = 0; c < counts.size(); ++c)
    json["classes"].push_back({{"name", info.class_names[c]}, {"images", counts[c]}});
  json["conditions"] = Json::array();
  for (const data::ConditionArray& condition : info.conditions) {
    Json entry = {{"name", condition.field.name}, {"dtype", condition.dtype}};
    if (condition.is_label()) {
      entry["classes"] = condition.field.classes;
    } else {
      entry["sizes"] = condition.field.sizes;
      entry["mean"] = condition.mean;
      entry["scale"] = condition.scale;
    }
    json["conditions"].push_back(std::move(entry));
  }
  json["shards"] = Json::array();
  for (const auto& shard : info.shards)
    json["shards"].push_back(
        {{"file", shard.file}, {"images", shard.count}, {"bytes", shard.bytes}, {"sha256", shard.sha256}});
  if (statistics) {
    json["statistics"] = {{"mean", statistics->mean},
                          {"deviation", statistics->deviation},
                          {"smallest", statistics->smallest},
                          {"largest", statistics->largest}};
  }
  return json;
}

std::string shape_text(const SampleShape& shape) {
  const std::vector<std::int64_t>& sizes = shape.sizes();
  switch (shape.kind()) {
    case SampleKind::picture:
      return fmt::format("{} channels, {} x {} pixels (height x width)", sizes[0], sizes[1], sizes[2]);
    case SampleKind::vector:
      return fmt::format("{} values", sizes[0]);
    case SampleKind::sequence:
      break;
  }
  return fmt::format("{} steps of {} values", sizes[0], sizes[1]);
}

std::string condition_text(const data::ConditionArray& condition) {
  if (condition.is_label()) return fmt::format("label of {} classes", condition.field.classes);
  const bool vector = condition.field.kind == ConditionField::Kind::vector;
  return fmt::format("{} {} {}", vector ? "vector of" : "tensor of", fmt::join(condition.field.sizes, " x "),
                     condition.dtype);
}

void print_text(const data::ShardSet& shards, const std::vector<std::uint64_t>& counts, std::uint64_t bytes,
                const std::optional<data::SetStatistics>& statistics) {
  const data::DatasetInfo& info = shards.info();
  print("{}{}\n", plain_line(info.name), info.split.empty() ? "" : " (" + plain_line(info.split) + ")");
  print("  {:<13} {}\n", data::samples_noun(info.shape.kind()), info.count);
  print("  shape         {}\n", shape_text(info.shape));
  print("  dtype         {}\n", info.dtype);
  const bool uniform = std::all_of(info.mean.begin(), info.mean.end(), [&](double m) { return m == info.mean[0]; }) &&
                       std::all_of(info.scale.begin(), info.scale.end(), [&](double s) { return s == info.scale[0]; });
  if (uniform) {
    print("  network sees  (value - {}) / {}\n", info.mean[0], info.scale[0]);
  } else {
    for (std::size_t c = 0; c < info.mean.size(); ++c)
      print("  channel {:<4}  (value - {}) / {}\n", c, info.mean[c], info.scale[c]);
  }
  for (const data::ConditionArray& condition : info.conditions)
    print("  condition     {}: {}\n", plain_line(condition.field.name), condition_text(condition));
  if (statistics) {
    print("  values        {:>12} {:>12} {:>12} {:>12}\n", "mean", "deviation", "smallest", "largest");
    for (std::size_t c = 0; c < statistics->mean.size(); ++c)
      print("  channel {:<4}  {:>12.6g} {:>12.6g} {:>12.6g} {:>12.6g}\n", c, statistics->mean[c],
            statistics->deviation[c], statistics->smallest[c], statistics->largest[c]);
  }
  print("  shards        {}, {:.1f} MB\n", info.shards.size(), static_cast<double>(bytes) / 1e6);
  print("  content hash  {}\n", shards.content_hash());
  for (const auto& shard : info.shards)
    print("    {}  {} images, {:.1f} MB\n", shard.file, shard.count, static_cast<double>(shard.bytes) / 1e6);
  print("  classes       {}\n", counts.empty() ? "none" : std::to_string(counts.size()));
  for (std::size_t c = 0; c < counts.size(); ++c)
    print("    {:>4}  {:<20} {} images\n", c, plain_line(info.class_names[c]), counts[c]);
}

}  // namespace

int info_of_shards(const std::vector<std::string>& arguments) {
  Options options("pathline shards info", "DIR [options]",
                  "Says what a shard folder holds, after checking its structure and labels.");
  options.positional("DIR", "folder of shards", 1, 1);
  options.flag("stats", "also mean, standard deviation and range per channel: reads and checks every image");
  options.value("png", "FILE.png", "write a sheet of pictures: ten of each class, or a hundred spread over the set");
  options.flag("json", "print JSON instead of text");
  options.value("threads", "N", "threads that read for --stats; 0: one per usable core", "0");
  options.paths({"png"}, /*words=*/true);
  if (!options.parse(arguments)) return 0;

  const auto threads = static_cast<int>(options.integer("threads", 0, 1024));
  const auto shards = data::ShardSet::open(options.words().front());
  if (options.has("png") && shards.info().shape.kind() != SampleKind::picture)
    options.fail("png", fmt::format("this set holds {}; only images make pictures",
                                    data::samples_noun(shards.info().shape.kind())));
  const std::vector<std::uint64_t> counts = images_per_class(shards);
  std::uint64_t bytes = 0;
  for (const auto& shard : shards.info().shards) bytes += shard.bytes;
  std::optional<data::SetStatistics> statistics;
  if (options.has("stats")) statistics = statistics_of(shards, threads);
  if (options.has("png")) write_file_durably(options.text("png"), contact_sheet(shards));

  if (options.has("json")) {
    print_data(as_json(shards, counts, bytes, statistics).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    print_text(shards, counts, bytes, statistics);
  }
  return 0;
}

}  // namespace pathline::tools
