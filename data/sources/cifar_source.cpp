#include "data/sources/cifar_source.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/file_descriptor.h"
#include "core/regular_file.h"
#include "data/sources/file_fingerprint.h"

namespace pathline::data {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t side = 32, channels = 3, image_bytes = side * side * channels;
constexpr std::uint64_t largest_names_file = 1 << 16, largest_file = std::uint64_t{1} << 40;

/// One name per line; none if the file is missing or has another number of them.
std::vector<std::string> names_in(const fs::path& path, std::size_t expected) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return {};
  std::istringstream lines(read_file(path, largest_names_file));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  return names.size() == expected ? names : std::vector<std::string>{};
}

std::vector<fs::path> files_of(const fs::path& path, int classes, const std::string& split) {
  std::error_code failure;
  if (!fs::exists(path, failure)) throw Error(ExitCode::file_system, "there is no such file or folder", path.string());
  if (!fs::is_directory(path, failure)) return {path};
  std::vector<std::string> names;
  if (classes == 100) {
    names = {split == "test" ? "test.bin" : "train.bin"};
  } else if (split == "test") {
    names = {"test_batch.bin"};
  } else {
    for (int i = 1; i <= 5; ++i) names.push_back(fmt::format("data_batch_{}.bin", i));
  }
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    const fs::path file = path / name;
    if (!fs::exists(file, failure)) {
      const std::string plain = file.stem().string();
      throw Error(ExitCode::bad_input, "the folder has no file " + name, path.string(),
                  fs::exists(path / plain, failure)
                      ? "this is the version for Python, which is pickled: fetch the binary version"
                      : fmt::format("expected the unpacked binary version of CIFAR-{}", classes));
    }
    files.push_back(file);
  }
  return files;
}

}  // namespace

CifarSource::CifarSource(const std::filesystem::path& path, int classes, const std::string& split,
                         const ArrayOptions& options)
    : ArraySource(
          [&] {
            ArrayOptions layout = options;
            layout.layout = Layout::nchw;
            return layout;
          }(),
          path.string()),
      label_bytes_(classes == 100 ? 2 : 1) {
  const std::uint64_t record = label_bytes_ + image_bytes;
  std::vector<std::int64_t> labels;
  std::string fingerprint;
  for (const fs::path& file : files_of(path, classes, split)) {
    const auto [fd, bytes] = open_regular_file(file, "this file");
    if (bytes == 0 || bytes % record != 0 || bytes > largest_file) {
      throw Error(ExitCode::bad_input,
                  fmt::format("a file of {} bytes; expected records of {} bytes, as in the binary version of CIFAR-{}",
                              bytes, record, classes),
                  file.string(), "is it whole, and is this the right kind (--from cifar10 or cifar100)?");
    }
    const std::uint64_t count = bytes / record;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint8_t label = 0;
      if (read_at(fd.get(), &label, 1, i * record + label_bytes_ - 1, file) != 1)
        throw Error(ExitCode::bad_input, "the file ended early", file.string());
      labels.push_back(label);
    }
    files_.push_back({file, labels.size() - count, count});
    fingerprint += file_fingerprint(file) + ", ";
  }
  begin(NumberType::uint8, {labels.size(), channels, side, side}, fmt::format("cifar{}", classes), fingerprint);
  const fs::path folder = fs::is_directory(path) ? path : path.parent_path();
  auto names = names_in(folder / (classes == 100 ? "fine_label_names.txt" : "batches.meta.txt"),
                        static_cast<std::size_t>(classes));
  for (int i = static_cast<int>(names.size()); i < classes; ++i) names.push_back(std::to_string(i));
  set_labels(std::move(labels), std::move(names), path.string());
}

void CifarSource::open_file_of(std::uint64_t number) {
  while (number >= files_[open_].first + files_[open_].count) {
    ++open_;
    stream_.reset();
  }
  if (stream_) return;
  stream_ = open_plain_or_gzip(files_[open_].path);
  at_ = files_[open_].first;
}

void CifarSource::read_values(std::uint64_t number, void* out) {
  open_file_of(number);
  const std::string what = fmt::format("image {}", number);
  stream_->skip((number - at_) * (label_bytes_ + image_bytes) + label_bytes_, what);
  stream_->read(out, image_bytes, what);
  at_ = number + 1;
}

}  // namespace pathline::data
