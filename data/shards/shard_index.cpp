#include "data/shards/shard_index.h"

#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/hash.h"
#include "core/json_text.h"

namespace pathline::data {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "pathline-shards";
constexpr std::int64_t pictures_version = 1, vectors_version = 2, sequences_version = 3, newest_version = 3;
constexpr std::uint64_t largest_index = std::uint64_t{64} << 20;
constexpr std::int64_t largest_side = 65536;
constexpr std::int64_t largest_sample = std::int64_t{1} << 30;  // bytes
constexpr std::uint64_t largest_count = std::uint64_t{1} << 40;
constexpr std::size_t most_classes = 1000000;
const std::string no_checksum(16, '0');

std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

bool is_hex(const std::string& text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// One JSON object of the index, read key by key; says where it is in every error, and refuses keys that nobody asked
/// for.
class Section {
 public:
  Section(const Json& json, std::string place, std::string prefix)
      : json_(json), place_(std::move(place)), prefix_(std::move(prefix)) {
    if (!json.is_object()) fail("", fmt::format("expected an object, found {}", json.type_name()));
  }

  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    throw Error(
        ExitCode::bad_input, message, place_ + ": \"" + prefix_ + key + "\"",
        "the index is damaged or was not written by pathline: make the shards anew with `pathline shards create`");
  }
  const Json& value(const std::string& key) {
    const auto found = json_.find(key);
    if (found == json_.end()) fail(key, "this key is missing");
    seen_.insert(key);
    return *found;
  }
  std::string text(const std::string& key) {
    const Json& json = value(key);
    if (!json.is_string()) fail(key, fmt::format("expected a string, found {}", json.type_name()));
    return json.get<std::string>();
  }
  std::int64_t integer(const std::string& key, std::int64_t minimum, std::int64_t maximum) {
    const Json& json = value(key);
    if (!json.is_number_integer()) fail(key, fmt::format("expected a whole number, found {}", json.dump()));
    const bool huge = json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    if (huge || json.get<std::int64_t>() < minimum || json.get<std::int64_t>() > maximum) {
      fail(key, fmt::format("expected a whole number from {} to {}, found {}", minimum, maximum, json.dump()));
    }
    return json.get<std::int64_t>();
  }
  std::vector<double> reals(const std::string& key) {
    const Json& json = value(key);
    std::vector<double> values;
    if (!json.is_array()) fail(key, fmt::format("expected a list of numbers, found {}", json.type_name()));
    for (const Json& item : json) {
      if (!item.is_number()) fail(key, fmt::format("expected a list of numbers, found {} in it", item.dump()));
      values.push_back(item.get<double>());
    }
    return values;
  }
  std::string hash(const std::string& key, std::size_t digits) {
    const std::string found = text(key);
    if (!is_hex(found, digits))
      fail(key, fmt::format("expected {} lower-case hexadecimal digits, found \"{}\"", digits, found));
    return found;
  }
  std::uint64_t xxh3(const std::string& key) { return std::stoull(hash(key, 16), nullptr, 16); }
  void refuse_others() const {
    for (const auto& [key, unused] : json_.items()) {
      if (!seen_.contains(key)) fail(key, "this key is unknown");
    }
  }

 private:
  const Json& json_;
  std::string place_, prefix_;
  std::set<std::string> seen_;
};

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

/// What the numbers of a shape are called, in their order.
std::vector<const char*> side_names(SampleKind kind) {
  switch (kind) {
    case SampleKind::picture:
      return {"channels", "height", "width"};
    case SampleKind::vector:
      return {"columns"};
    case SampleKind::sequence:
      break;
  }
  return {"steps", "columns"};
}

/// An object is a picture's shape; a list is a vector's if it has one number, a sequence's if it has two.
SampleShape read_shape(const Json& json, std::int64_t version, Section& root, const std::string& place) {
  const auto side = [&](const Json& named, const char* name) {
    return Section(named, place, "shape.").integer(name, 1, largest_side);
  };
  if (version == vectors_version || (version == sequences_version && !json.is_object())) {
    const std::size_t most = version == vectors_version ? 1 : 2;
    if (!json.is_array() || json.empty() || json.size() > most)
      root.fail("shape", fmt::format("expected a list of {}, found {}", most == 1 ? "one number" : "one or two numbers",
                                     json.dump()));
    if (json.size() == 1) return SampleShape::vector(side({{"columns", json[0]}}, "columns"));
    return SampleShape::sequence(side({{"steps", json[0]}}, "steps"), side({{"columns", json[1]}}, "columns"));
  }
  Section shape(json, place, "shape.");
  const std::int64_t channels = shape.integer("channels", 1, largest_side);
  const std::int64_t height = shape.integer("height", 1, largest_side);
  const std::int64_t width = shape.integer("width", 1, largest_side);
  shape.refuse_others();
  return SampleShape::picture(channels, height, width);
}

Json shape_json(const SampleShape& shape) {
  if (shape.kind() != SampleKind::picture) return shape.sizes();
  Json json;
  const std::vector<const char*> names = side_names(SampleKind::picture);
  for (std::size_t i = 0; i < names.size(); ++i) json[names[i]] = shape.sizes()[i];
  return json;
}

}  // namespace

std::string shard_file_name(std::size_t number) {
  return fmt::format("shard-{:05}.h5", number);
}

std::int64_t lowest_format_version(const DatasetInfo& info) {
  switch (info.shape.kind()) {
    case SampleKind::picture:
      return pictures_version;
    case SampleKind::vector:
      return vectors_version;
    case SampleKind::sequence:
      break;
  }
  return sequences_version;
}

std::string label_problem(const DatasetInfo& info, std::int64_t label) {
  const auto classes = static_cast<std::int64_t>(info.class_names.size());
  if (classes == 0) return label == -1 ? "" : fmt::format("label {} in a data set without classes; expected -1", label);
  if (label >= 0 && label < classes) return "";
  return fmt::format("label {} is out of range; expected 0 to {} ({} classes)", label, classes - 1, classes);
}

void check_dataset_info(const DatasetInfo& info, ExitCode code, const std::string& place) {
  const auto fail = [&](const std::string& message) { throw Error(code, message, place); };
  try {  // dump() refuses what is not UTF-8, and nothing else here
    (void)Json{info.name, info.split, info.class_names}.dump();
  } catch (const Json::exception&) {
    fail("the name, split and class names must be valid UTF-8");
  }
  if (info.shape.sizes().empty()) fail("the shape is missing");
  const std::vector<const char*> sides = side_names(info.shape.kind());
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const std::int64_t extent = info.shape.sizes()[i];
    if (extent < 1 || extent > largest_side)
      fail(fmt::format("{} must be 1 to {}, found {}", sides[i], largest_side, extent));
  }
  if (info.dtype != "uint8" && info.dtype != "float32")
    fail("dtype must be uint8 or float32, found \"" + info.dtype + '"');
  if (info.shape.kind() != SampleKind::picture && info.dtype != "float32")
    fail(fmt::format("{} must be float32, found {}", samples_noun(info.shape.kind()), info.dtype));
  // Each side is at most 2^16, so the product of three fits.
  if (info.shape.values() > largest_sample / static_cast<std::int64_t>(info.item_bytes()))
    fail(fmt::format("a {} is larger than the limit of 1 GiB", info.shape.describe()));
  if (info.class_names.size() > most_classes) fail(fmt::format("more than {} class names", most_classes));
  const auto channels = static_cast<std::size_t>(info.shape.channels());
  if (info.mean.size() != channels || info.scale.size() != channels) {
    fail(fmt::format("mean and scale must have one value per channel ({}), found {} and {}", channels, info.mean.size(),
                     info.scale.size()));
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (!std::isfinite(info.mean[c])) fail(fmt::format("the mean of channel {} is not finite", c));
    if (!std::isfinite(info.scale[c]) || !(info.scale[c] > 0))
      fail(fmt::format("the scale of channel {} must be positive, found {}", c, info.scale[c]));
  }
}

DatasetInfo read_index(const std::filesystem::path& folder) {
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
  const std::string place = path.string();
  if (!std::filesystem::exists(path, failure)) {
    if (failure) throw system_error(failure.value(), "cannot look at the index", place);
    const bool empty = std::filesystem::is_empty(folder, failure);
    if (failure) throw system_error(failure.value(), "cannot list this folder", folder.string());
    throw Error(ExitCode::bad_input,
                empty ? "the folder is empty; expected index.json and shard files"
                      : "the folder has no index.json; expected one beside the shard files",
                folder.string(), make);
  }

  const std::string text = read_file(path, largest_index);
  const Json json =
      parse_json(text, place, "the index is damaged or cut short: make the shards anew with `pathline shards create`");

  DatasetInfo info;
  Section root(json, place, "");
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
  info.shape = read_shape(root.value("shape"), info.format_version, root, place);
  info.dtype = root.text("dtype");
  const Json& classes = root.value("class_names");
  if (!classes.is_array()) root.fail("class_names", "expected a list of strings");
  for (const Json& name : classes) {
    if (!name.is_string()) root.fail("class_names", "expected a list of strings, found " + name.dump() + " in it");
    info.class_names.push_back(name.get<std::string>());
  }
  info.mean = root.reals("mean");
  info.scale = root.reals("scale");
  check_dataset_info(info, ExitCode::bad_input, place);

  const Json& shards = root.value("shards");
  if (!shards.is_array() || shards.empty()) root.fail("shards", "expected a list of at least one shard");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    Section section(shards[i], place, fmt::format("shards[{}].", i));
    DatasetInfo::Shard shard;
    shard.file = section.text("file");
    // Exactly this name: an index must not lead the reader to files elsewhere.
    if (shard.file != shard_file_name(i))
      section.fail("file", fmt::format("expected \"{}\", found \"{}\"", shard_file_name(i), shard.file));
    shard.count = static_cast<std::uint64_t>(section.integer("count", 1, static_cast<std::int64_t>(largest_count)));
    shard.bytes = static_cast<std::uint64_t>(section.integer("bytes", 1, INT64_MAX));
    shard.sha256 = section.hash("sha256", 64);
    shard.labels_xxh3 = section.xxh3("labels_xxh3");
    shard.checksums_xxh3 = section.xxh3("checksums_xxh3");
    section.refuse_others();
    if (shard.count > shard.bytes / info.sample_bytes()) {
      section.fail("count", fmt::format("{} samples of {} bytes do not fit a file of {} bytes", shard.count,
                                        info.sample_bytes(), shard.bytes));
    }
    sum += shard.count;
    info.shards.push_back(std::move(shard));
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
  json["shards"] = Json::array();
  for (const DatasetInfo::Shard& shard : info.shards) {
    json["shards"].push_back({{"file", shard.file},
                              {"count", shard.count},
                              {"bytes", shard.bytes},
                              {"sha256", shard.sha256},
                              {"labels_xxh3", hex(shard.labels_xxh3)},
                              {"checksums_xxh3", hex(shard.checksums_xxh3)}});
  }
  json["checksum"] = no_checksum;
  std::string text = json.dump(2) + "\n";
  const std::size_t at = text.rfind('"' + no_checksum + '"');
  return text.replace(at + 1, no_checksum.size(), hex(xxh3_64(text.data(), text.size())));
}

}  // namespace pathline::data
