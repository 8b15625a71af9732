#include "data/hdf5/hdf5_array.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "data/hdf5/hdf5_rows.h"
#include "data/sources/file_fingerprint.h"

namespace pathline::data {

namespace {

namespace fs = std::filesystem;

constexpr hsize_t most_children = 1000000;
constexpr std::uint64_t most_labels = std::uint64_t{1} << 32;

/// Hard-linked children of the group at `path` ("" for the root), demo_2 before demo_10.
std::vector<std::string> children(hid_t file, const std::string& path, const fs::path& place) {
  const std::string group = path.empty() ? "/" : path;
  const Hdf5Handle opened{H5Gopen2(file, group.c_str(), H5P_DEFAULT), H5Gclose};
  H5G_info_t info;
  if (!opened || H5Gget_info(opened.get(), &info) < 0) return {};
  if (info.nlinks > most_children)
    throw Error(ExitCode::bad_input, fmt::format("a group of {} objects", info.nlinks), place.string() + ":" + group);
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const ssize_t length =
        H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, nullptr, 0, H5P_DEFAULT);
    H5L_info_t link;
    if (length <= 0 || H5Lget_info_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, &link, H5P_DEFAULT) < 0)
      throw Error(ExitCode::bad_input, "cannot be listed: " + hdf5_reason(), place.string() + ":" + group);
    if (link.type != H5L_TYPE_HARD) continue;
    std::string name(static_cast<std::size_t>(length), '\0');
    H5Lget_name_by_idx(opened.get(), ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, name.data(), name.size() + 1, H5P_DEFAULT);
    names.push_back(std::move(name));
  }
  const auto number_at = [](const std::string& name) {
    const std::size_t at = name.find_last_not_of("0123456789") + 1;
    return std::pair{name.substr(0, at), name.substr(at)};
  };
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    const auto [text_a, digits_a] = number_at(a);
    const auto [text_b, digits_b] = number_at(b);
    if (text_a != text_b) return text_a < text_b;
    return digits_a.size() != digits_b.size() ? digits_a.size() < digits_b.size() : digits_a < digits_b;
  });
  return names;
}

bool exists(hid_t file, const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    if (H5Lexists(file, path.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
    if (end == std::string::npos) return true;
  }
}

bool matches(const std::string& name, const std::string& pattern) {
  const std::size_t star = pattern.find('*');
  if (star == std::string::npos) return name == pattern;
  const std::size_t tail = pattern.size() - star - 1;
  return name.size() >= star + tail && name.compare(0, star, pattern, 0, star) == 0 &&
         name.compare(name.size() - tail, tail, pattern, star + 1, tail) == 0;
}

/// Every object that a path with at most one `*` per name stands for.
std::vector<std::string> expand(hid_t file, const std::string& pattern, const fs::path& place) {
  std::vector<std::string> found = {""};
  for (std::size_t at = 1;;) {
    const std::size_t slash = pattern.find('/', at);
    const std::string part = pattern.substr(at, slash - at);
    std::vector<std::string> next;
    for (const std::string& parent : found) {
      if (part.find('*') == std::string::npos) {
        if (exists(file, parent + "/" + part)) next.push_back(parent + "/" + part);
        continue;
      }
      for (const std::string& name : children(file, parent, place)) {
        if (matches(name, part)) next.push_back(parent + "/" + name);
      }
    }
    found = std::move(next);
    if (slash == std::string::npos) return found;
    at = slash + 1;
  }
}

std::string absolute(const std::string& path) {
  return path.front() == '/' ? path : "/" + path;
}

NumberType number_type(const DatasetFacts& facts, const std::string& place) {
  if (const auto type = number_type_named(facts.type)) return *type;
  throw Error(ExitCode::bad_input, "numbers of type " + facts.type + "; expected integers or floats (little-endian)",
              place, "convert the dataset first");
}

std::vector<std::int64_t> labels_in(Hdf5Rows& rows, const std::string& place) {
  const DatasetFacts& facts = rows.facts();
  const std::optional<NumberType> type = number_type_named(facts.type);
  if (!type || is_float(*type))
    throw Error(ExitCode::bad_input, "labels of type " + facts.type + "; expected integers", place);
  if (rows.row_bytes() != facts.item_bytes || rows.count() > most_labels) {
    throw Error(ExitCode::bad_input, "labels of dimensions " + format_dims(facts.dims) + "; expected one per sample",
                place);
  }
  std::vector<std::int64_t> labels;
  for (std::uint64_t i = 0; i < rows.count(); ++i) labels.push_back(integer_at(rows.row(i), 0, *type));
  return labels;
}

struct Names {
  std::vector<std::string> samples;  // absolute paths
  std::string labels;                // empty: none
  bool channels_first = false;
  fs::path labels_file;
};

Names find_names(hid_t file, const Hdf5Input& input) {
  Names names;
  if (!input.dataset.empty()) {
    const std::string pattern = absolute(input.dataset);
    names.samples = pattern.find('*') == std::string::npos ? std::vector{pattern} : expand(file, pattern, input.path);
    if (names.samples.empty()) {
      throw Error(ExitCode::bad_input, "no object of this name", input.path.string() + ":" + pattern,
                  "list what the file holds with: h5ls -r " + input.path.string());
    }
  } else if (exists(file, "/imgs")) {
    names = {{"/imgs"}, "/labels", true, {}};
  } else if (exists(file, "/x")) {
    names = {{"/x"}, "/y", false, {}};
    std::string sibling = input.path.filename().string();
    const std::size_t at = sibling.rfind("_x.");
    if (at != std::string::npos && !exists(file, "/y")) {
      sibling[at + 1] = 'y';
      std::error_code ignored;
      if (fs::exists(input.path.parent_path() / sibling, ignored))
        names.labels_file = input.path.parent_path() / sibling;
    }
  } else if (exists(file, "/images")) {
    names = {{"/images"}, "/labels", false, {}};
  } else {
    std::vector<std::string> cameras;
    const std::vector<std::string> demos = expand(file, "/data/demo_*", input.path);
    if (!demos.empty()) {
      for (const std::string& name : children(file, demos.front() + "/obs", input.path)) {
        if (matches(name, "*_image")) cameras.push_back(name);
      }
    }
    if (cameras.size() == 1) {
      names.samples = expand(file, "/data/demo_*/obs/" + cameras[0], input.path);
    } else {
      throw Error(
          ExitCode::usage,
          cameras.empty() ? "none of the usual names is in this file (/images, /imgs, /x, data/demo_*/obs/*_image)"
                          : fmt::format("the file holds pictures of several cameras: {}", fmt::join(cameras, ", ")),
          input.path.string(),
          cameras.empty() ? "name the dataset with --dataset; list what there is with: h5ls -r " + input.path.string()
                          : "choose one: --dataset 'data/demo_*/obs/" + cameras[0] + "'");
    }
  }
  if (!input.labels.empty()) names.labels_file = input.labels;
  if (!input.labels_dataset.empty()) {
    names.labels = absolute(input.labels_dataset);
  } else if (names.labels_file.empty() && !names.labels.empty() && !exists(file, names.labels)) {
    names.labels.clear();
  }
  return names;
}

class LocalHdf5Array final : public Hdf5Array {
 public:
  explicit LocalHdf5Array(const Hdf5Input& input) {
    const Hdf5Scope scope;
    facts_.file = input.path;
    facts_.fingerprint = file_fingerprint(input.path);  // says it better than HDF5 where there is no such file
    file_ = open_hdf5_to_read(input.path);
    Names names = find_names(file_.get(), input);
    facts_.channels_first = names.channels_first;
    objects_ = std::move(names.samples);
    facts_.fingerprint += fmt::format(", {}", fmt::join(objects_, " "));
    facts_.place = input.path.string() + ":" + objects_.front();
    find_dimensions();
    const bool separate = !names.labels_file.empty();
    if (separate) facts_.fingerprint += ", " + file_fingerprint(names.labels_file);
    if (!names.labels.empty() || separate) find_labels(std::move(names));
  }

  std::vector<std::int64_t> read_labels() override {
    const Hdf5Scope scope;
    const Hdf5Handle file = open_hdf5_to_read(labels_file_);
    Hdf5Rows rows(file.get(), labels_object_, labels_file_);
    return labels_in(rows, facts_.labels_place);
  }

  void read(std::uint64_t first, std::uint64_t count, void* out) override {
    auto* to = static_cast<std::byte*>(out);
    for (std::uint64_t number = first; number < first + count; ++number) {
      const auto object =
          static_cast<std::size_t>(std::upper_bound(firsts_.begin(), firsts_.end(), number) - firsts_.begin()) - 1;
      if (object != open_) {
        rows_ = std::make_unique<Hdf5Rows>(file_.get(), objects_[object], facts_.file);
        open_ = object;
      }
      std::memcpy(to, rows_->row(number - firsts_[object]), rows_->row_bytes());
      to += rows_->row_bytes();
    }
  }

 private:
  void find_dimensions() {
    std::vector<std::uint64_t>& dims = facts_.dims;
    std::string type;
    std::uint64_t count = 0;
    for (const std::string& object : objects_) {
      const Hdf5Rows rows(file_.get(), object, facts_.file);
      const DatasetFacts& facts = rows.facts();
      if (dims.empty()) {
        dims.assign(facts.dims.begin(), facts.dims.end());
        type = facts.type;
        facts_.type = number_type(facts, facts_.place);
      }
      if (facts.type != type || facts.dims.size() != dims.size() ||
          !std::equal(dims.begin() + 1, dims.end(), facts.dims.begin() + 1)) {
        throw Error(
            ExitCode::bad_input,
            fmt::format("{} {} differs from {} in {}", facts.type, format_dims(facts.dims), type, objects_.front()),
            facts_.file.string() + ":" + object);
      }
      firsts_.push_back(count);
      count += facts.dims[0];
    }
    dims[0] = count;
    rows_ = std::make_unique<Hdf5Rows>(file_.get(), objects_.front(), facts_.file);
  }

  void find_labels(Names names) {
    labels_file_ = names.labels_file.empty() ? facts_.file : std::move(names.labels_file);
    labels_object_ = std::move(names.labels);
    if (labels_object_.empty()) labels_object_ = exists(open_hdf5_to_read(labels_file_).get(), "/y") ? "/y" : "/labels";
    facts_.labels_place = labels_file_.string() + ":" + labels_object_;
  }

  Hdf5Handle file_;
  fs::path labels_file_;
  std::string labels_object_;
  std::vector<std::string> objects_;
  std::vector<std::uint64_t> firsts_;  // number of the first sample of each
  std::size_t open_ = 0;
  std::unique_ptr<Hdf5Rows> rows_;
};

}  // namespace

std::unique_ptr<Hdf5Array> open_hdf5_array(const Hdf5Input& input) {
  return std::make_unique<LocalHdf5Array>(input);
}

}  // namespace pathline::data
