#include "data/sources/picture_source.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "core/json_text.h"
#include "data/pictures/picture_decoder.h"

namespace pathline::data {

namespace {

constexpr std::int64_t most_listed_classes = 1000000;

/// The names on a path.
std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t slash = path.find('/', at);
    parts.push_back(path.substr(at, slash - at));
    if (slash == std::string::npos) return parts;
    at = slash + 1;
  }
}

}  // namespace

bool is_picture_path(const std::string& path) {
  const auto parts = parts_of(path);
  for (const std::string& part : parts) {
    if (part == "__MACOSX" || (part.size() > 1 && part.front() == '.' && part != "..")) return false;
  }
  const std::string& name = parts.back();
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) return false;
  std::string ending = name.substr(dot + 1);
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending == "png" || ending == "jpg" || ending == "jpeg";
}

PictureSource::PictureSource(const PictureOptions& options) : options_(options) {
  // Trees mix grey and colour pictures freely; a set needs one of the two.
  if (options_.colour == Colour::as_it_is) options_.colour = Colour::rgb;
}

void PictureSource::begin(std::vector<PictureFile> files, const std::optional<std::string>& dataset_json,
                          const std::string& name, const std::string& place, std::uint64_t others) {
  files_ = std::move(files);
  std::sort(files_.begin(), files_.end(), [](const PictureFile& a, const PictureFile& b) {
    return a.path != b.path ? a.path < b.path : a.place < b.place;
  });
  facts_.name = name;
  facts_.count = files_.size();
  if (files_.empty())
    throw Error(ExitCode::bad_input, "there are no PNG or JPEG files here", place,
                others == 0 ? "" : fmt::format("{} files with other endings were found", others));
  if (others != 0) facts_.remark = fmt::format("{} files that are not pictures were left aside", others);
  Sha256 fingerprint;
  const auto feed = [&](const std::string& text) { fingerprint.update(text.c_str(), text.size() + 1); };
  feed(dataset_json.value_or(""));
  for (const PictureFile& file : files_) {
    feed(file.path);
    feed(file.fingerprint);
  }
  facts_.fingerprint = fingerprint.hex();
  assign_classes(dataset_json, place);

  std::string first_problem;
  bool found = false;
  for (std::uint64_t i = 0; i < files_.size() && !found; ++i) {
    try {
      std::vector<std::byte> raw;
      fetch(i, raw);
      PictureConverter converter(options_, std::nullopt);
      decode_picture(contents(files_[i], raw), converter);
      shape_ = converter.shape();
      found = true;
    } catch (const BadSample& problem) {
      if (first_problem.empty()) first_problem = files_[i].path + ": " + problem.message();
    }
  }
  if (!found) {
    throw Error(ExitCode::bad_input,
                fmt::format("none of the {} pictures can be decoded; the first one, {}", files_.size(), first_problem),
                place);
  }
  facts_.shape = shape_.sample_shape();
}

void PictureSource::assign_classes(const std::optional<std::string>& dataset_json, const std::string& place) {
  labels_.assign(files_.size(), -1);
  if (dataset_json) return assign_listed(*dataset_json, place);

  std::map<std::string, std::int64_t> folders;
  const PictureFile* loose = nullptr;
  const auto top_of = [](const std::string& path) { return path.substr(0, path.find('/')); };
  for (const PictureFile& file : files_) {
    if (file.path.find('/') == std::string::npos) {
      loose = &file;
    } else if (file.problem.empty()) {
      folders.emplace(top_of(file.path), 0);
    }
  }
  if (folders.size() < 2) return;
  if (loose != nullptr) {
    throw Error(ExitCode::bad_input,
                fmt::format("{} lies beside the class folders ({} and {} more), so it has no class", shown(loose->path),
                            shown(folders.begin()->first), folders.size() - 1),
                place, "move it into a folder, or list the labels in dataset.json");
  }
  for (auto& [name, number] : folders) {
    number = static_cast<std::int64_t>(facts_.class_names.size());
    facts_.class_names.push_back(name);
  }
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto found = folders.find(top_of(files_[i].path));
    if (found != folders.end()) labels_[i] = found->second;
  }
}

void PictureSource::assign_listed(const std::string& dataset_json, const std::string& place) {
  const std::string where = place + ": dataset.json",
                    hint = R"(expected {"labels": [["folder/picture.png", 3], ...]} or null)";
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, where, hint); };
  const auto json = parse_json(dataset_json, where, hint);
  if (!json.is_object() || !json.contains("labels")) fail("it has no \"labels\"");
  const auto& pairs = json.at("labels");
  if (pairs.is_null()) return;
  if (!pairs.is_array()) fail("\"labels\" is not a list");

  std::map<std::string, std::int64_t> listed;
  std::int64_t largest = -1;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& pair = pairs[i];
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number_integer())
      fail(fmt::format("entry {} of \"labels\" is not a pair of a path and a whole number", i));
    std::string path = pair[0].get<std::string>();
    std::replace(path.begin(), path.end(), '\\', '/');
    const auto label = pair[1].get<std::int64_t>();
    if (label < 0 || label >= most_listed_classes)
      fail(fmt::format("label {} of {}; expected 0 to {}", label, shown(path), most_listed_classes - 1));
    if (!listed.emplace(path, label).second) fail(shown(path) + " is listed twice");
    largest = std::max(largest, label);
  }
  std::set<std::string> present;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto found = listed.find(files_[i].path);
    if (found != listed.end()) {
      labels_[i] = found->second;
      present.insert(found->first);
    } else if (files_[i].problem.empty()) {
      files_[i].problem = "dataset.json does not list it";
    }
  }
  for (const auto& [path, unused] : listed) {
    if (!present.contains(path)) fail(shown(path) + " is listed, but there is no such picture");
  }
  for (std::int64_t label = 0; label <= largest; ++label) facts_.class_names.push_back(std::to_string(label));
}

void PictureSource::read_in_turn(const PictureFile&, std::vector<std::byte>&) {}

void PictureSource::fetch(std::uint64_t number, std::vector<std::byte>& raw) {
  const PictureFile& file = files_[number];
  if (!file.problem.empty()) throw BadSample(file.problem);
  read_in_turn(file, raw);
}

void PictureSource::decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const {
  PictureConverter converter(options_, shape_);
  decode_picture(contents(files_[number], raw), converter);
  out.values = converter.take();
  out.label = labels_[number];
}

}  // namespace pathline::data
