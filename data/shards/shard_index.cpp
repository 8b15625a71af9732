#include "data/shards/shard_index.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json_text.h"
#include "data/shards/dataset_check.h"
#include "data/shards/json_section.h"

namespace pathline::data {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "pathline-shards";
/// 1 holds pictures, 2 vectors, 3 anything, with conditions.
constexpr std::int64_t pictures_version = 1, vectors_version = 2, newest_version = 3;
constexpr std::uint64_t largest_index = std::uint64_t{64} << 20;
constexpr std::uint64_t largest_count = std::uint64_t{1} << 40;
const std::string no_checksum(16, '0');

constexpr std::array<std::pair<ConditionField::Kind, const char*>, 3> condition_kinds = {
    {{ConditionField::Kind::label, "label"},
     {ConditionField::Kind::vector, "vector"},
     {ConditionField::Kind::tensor, "tensor"}}};

std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

/// The index's own checksum: xxh3 of the text with the checksum's digits replaced by zeros.
void check_own_checksum(std::string text, const std::string& expected, const std::string& place) {
  const std::string quoted = '"' + expected + '"';
  const std::size_t at = text.rfind(quoted);
  if (at != std::string::npos) text.replace(at + 1, expected.size(), no_checksum);
  const std::string found = hex(xxh3_64(text.data(), text.size()));
  if (at == std::string::npos || found != expected) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("the index does not match its own checksum: expected {}, found {}", expected, found), place,
        fmt::format("it was damaged or edited; if you edited it on purpose, set \"checksum\" to \"{}\"", found));
  }
}

/// Throws unless there is an index in `folder`.
void require_index(const std::filesystem::path& folder) {
  std::error_code failure;
  const auto status = std::filesystem::status(folder, failure);
  const std::string make =
      "make one with `pathline shards create --from idx --input PATH --out " + folder.string() + "`";
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Error(ExitCode::file_system, "there is no such folder; expected a folder of shards", folder.string(), make);
  }
  if (failure) throw system_error(failure.value(), "cannot look at this folder", folder.string());
  if (status.type() != std::filesystem::file_type::directory) {
    throw Error(ExitCode::bad_input, "this is a file; expected a folder of shards", folder.string(),
                folder.extension() == ".h5" ? "name the folder that holds the shard and index.json" : make);
  }
  const std::filesystem::path path = folder / index_file_name;
  if (std::filesystem::exists(path, failure)) return;
  if (failure) throw system_error(failure.value(), "cannot look at the index", path.string());
  const bool empty = std::filesystem::is_empty(folder, failure);
  if (failure) throw system_error(failure.value(), "cannot list this folder", folder.string());
  throw Error(ExitCode::bad_input,
              empty ? "the folder is empty; expected index.json and shard files"
                    : "the folder has no index.json; expected one beside the shard files",
              folder.string(), make);
}

/// An object is a picture's shape; a list is a vector's if it has one number, a sequence's if it has two.
SampleShape read_shape(JsonSection& root, std::int64_t version, const std::string& place) {
  const Json& json = root.value("shape");
  if (version == vectors_version || (version == newest_version && !json.is_object())) {
    const std::size_t most = version == vectors_version ? 1 : 2;
    if (!json.is_array() || json.empty() || json.size() > most) {
      root.fail("shape", fmt::format("expected a list of {}, found {}", most == 1 ? "one number" : "one or two numbers",
                                     shown(json.dump())));
    }
    const std::vector<std::int64_t> sizes = root.integers("shape", 1, largest_side);
    return sizes.size() == 1 ? SampleShape::vector(sizes[0]) : SampleShape::sequence(sizes[0], sizes[1]);
  }
  JsonSection shape(json, place, "shape.");
  std::array<std::int64_t, 3> sizes{};
  const std::vector<const char*> names = side_names(SampleKind::picture);
  for (std::size_t i = 0; i < names.size(); ++i) sizes[i] = shape.integer(names[i], 1, largest_side);
  shape.refuse_others();
  return SampleShape::picture(sizes[0], sizes[1], sizes[2]);
}

Json shape_json(const SampleShape& shape) {
  if (shape.kind() != SampleKind::picture) return shape.sizes();
  Json json;
  const std::vector<const char*> names = side_names(SampleKind::picture);
  for (std::size_t i = 0; i < names.size(); ++i) json[names[i]] = shape.sizes()[i];
  return json;
}

ConditionArray read_condition(const Json& json, const std::string& place, std::size_t number) {
  JsonSection section(json, place, fmt::format("conditions[{}].", number));
  ConditionArray condition;
  condition.field.name = section.text("name");
  const std::string kind = section.text("kind");
  const auto known = std::find_if(condition_kinds.begin(), condition_kinds.end(),
                                  [&](const auto& each) { return kind == each.second; });
  if (known == condition_kinds.end())
    section.fail("kind", fmt::format("expected label, vector or tensor, found {}", shown(kind)));
  condition.field.kind = known->first;
  condition.dtype = section.text("dtype");
  if (condition.is_label()) {
    condition.field.classes = section.integer("classes", 1, most_classes);
    condition.class_names = section.texts("class_names");
  } else {
    condition.field.sizes = section.integers("sizes", 1, largest_side);
    condition.mean = section.reals("mean");
    condition.scale = section.reals("scale");
  }
  section.refuse_others();
  return condition;
}

Json condition_json(const ConditionArray& condition) {
  Json json;
  json["name"] = condition.field.name;
  json["kind"] = condition_kinds.at(static_cast<std::size_t>(condition.field.kind)).second;
  json["dtype"] = condition.dtype;
  if (condition.is_label()) {
    json["classes"] = condition.field.classes;
    json["class_names"] = condition.class_names;
  } else {
    json["sizes"] = condition.field.sizes;
    json["mean"] = condition.mean;
    json["scale"] = condition.scale;
  }
  return json;
}

DatasetInfo::Shard read_shard(const Json& json, const std::string& place, std::size_t number, const DatasetInfo& info) {
  JsonSection section(json, place, fmt::format("shards[{}].", number));
  DatasetInfo::Shard shard;
  shard.file = section.text("file");
  // Exactly this name: an index must not lead the reader to files elsewhere.
  if (shard.file != shard_file_name(number))
    section.fail("file", fmt::format("expected \"{}\", found \"{}\"", shard_file_name(number), shard.file));
  shard.count = static_cast<std::uint64_t>(section.integer("count", 1, static_cast<std::int64_t>(largest_count)));
  shard.bytes = static_cast<std::uint64_t>(section.integer("bytes", 1, INT64_MAX));
  shard.sha256 = section.hash("sha256", 64);
  shard.labels_xxh3 = section.xxh3("labels_xxh3");
  shard.checksums_xxh3 = section.xxh3("checksums_xxh3");
  if (!info.conditions.empty()) shard.condition_checksums_xxh3 = section.xxh3("condition_checksums_xxh3");
  section.refuse_others();
  if (shard.count > shard.bytes / info.stored_bytes()) {
    section.fail("count", fmt::format("{} samples of {} bytes do not fit a file of {} bytes", shard.count,
                                      info.stored_bytes(), shard.bytes));
  }
  return shard;
}

Json shard_json(const DatasetInfo::Shard& shard, const DatasetInfo& info) {
  Json json = {{"file", shard.file},
               {"count", shard.count},
               {"bytes", shard.bytes},
               {"sha256", shard.sha256},
               {"labels_xxh3", hex(shard.labels_xxh3)},
               {"checksums_xxh3", hex(shard.checksums_xxh3)}};
  if (!info.conditions.empty()) json["condition_checksums_xxh3"] = hex(shard.condition_checksums_xxh3);
  return json;
}

}  // namespace

std::string shard_file_name(std::size_t number) {
  return fmt::format("shard-{:05}.h5", number);
}

std::int64_t lowest_format_version(const DatasetInfo& info) {
  if (!info.conditions.empty() || info.shape.kind() == SampleKind::sequence) return newest_version;
  return info.shape.kind() == SampleKind::vector ? vectors_version : pictures_version;
}

DatasetInfo read_index(const std::filesystem::path& folder) {
  require_index(folder);
  const std::filesystem::path path = folder / index_file_name;
  const std::string place = path.string();
  const std::string text = read_file(path, largest_index);
  const Json json =
      parse_json(text, place, "the index is damaged or cut short: make the shards anew with `pathline shards create`");

  DatasetInfo info;
  JsonSection root(json, place, "");
  const std::string format = root.text("format");
  if (format != format_name) root.fail("format", fmt::format("expected \"{}\", found \"{}\"", format_name, format));
  info.format_version = root.integer("format_version", 1, INT64_MAX);
  if (info.format_version > newest_version) {
    throw Error(ExitCode::bad_input,
                fmt::format("this folder has format version {}; this program reads up to {}", info.format_version,
                            newest_version),
                place, "use a newer pathline");
  }
  check_own_checksum(text, root.hash("checksum", 16), place);

  info.name = root.text("name");
  info.split = root.text("split");
  info.count = static_cast<std::uint64_t>(root.integer("count", 1, static_cast<std::int64_t>(largest_count)));
  info.shape = read_shape(root, info.format_version, place);
  info.dtype = root.text("dtype");
  info.class_names = root.texts("class_names");
  info.mean = root.reals("mean");
  info.scale = root.reals("scale");
  if (info.format_version >= newest_version) {
    for (const Json& condition : root.list("conditions", "conditions"))
      info.conditions.push_back(read_condition(condition, place, info.conditions.size()));
  }
  check_dataset_info(info, ExitCode::bad_input, place);

  const Json& shards = root.value("shards");
  if (!shards.is_array() || shards.empty()) root.fail("shards", "expected a list of at least one shard");
  std::uint64_t sum = 0;
  for (const Json& shard : shards) {
    info.shards.push_back(read_shard(shard, place, info.shards.size(), info));
    sum += info.shards.back().count;
  }
  if (sum != info.count)
    root.fail("count", fmt::format("expected the sum over the shards ({}), found {}", sum, info.count));
  root.refuse_others();
  return info;
}

std::string index_text(const DatasetInfo& info) {
  Json json;
  json["format"] = format_name;
  json["format_version"] = lowest_format_version(info);
  json["name"] = info.name;
  json["split"] = info.split;
  json["count"] = info.count;
  json["shape"] = shape_json(info.shape);
  json["dtype"] = info.dtype;
  json["class_names"] = info.class_names;
  json["mean"] = info.mean;
  json["scale"] = info.scale;
  if (lowest_format_version(info) >= newest_version) {
    json["conditions"] = Json::array();
    for (const ConditionArray& condition : info.conditions) json["conditions"].push_back(condition_json(condition));
  }
  json["shards"] = Json::array();
  for (const DatasetInfo::Shard& shard : info.shards) json["shards"].push_back(shard_json(shard, info));
  json["checksum"] = no_checksum;
  std::string text = json.dump(2) + "\n";
  const std::size_t at = text.rfind('"' + no_checksum + '"');
  return text.replace(at + 1, no_checksum.size(), hex(xxh3_64(text.data(), text.size())));
}

}  // namespace pathline::data
