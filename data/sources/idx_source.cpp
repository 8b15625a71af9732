#include "data/sources/idx_source.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "data/sources/file_fingerprint.h"

namespace pathline::data {

namespace {

constexpr std::uint32_t images_magic = 0x00000803, labels_magic = 0x00000801;
constexpr std::uint32_t largest_side = 65536;
constexpr std::uint64_t largest_image = std::uint64_t{1} << 30;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_there(const std::filesystem::path& path) {
  std::error_code failure;
  const bool found = std::filesystem::exists(path, failure);
  if (failure) throw system_error(failure.value(), "cannot look at this file", path.string());
  return found;
}

std::uint32_t big_endian(ByteStream& stream) {
  unsigned char b[4];
  stream.read(b, sizeof b, "its header");
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

void expect_magic(ByteStream& stream, std::uint32_t expected, const char* kind) {
  const std::uint32_t found = big_endian(stream);
  if (found == expected) return;
  stream.fail(fmt::format("this is not an IDX file of {}: expected magic number 0x{:08x}, found 0x{:08x}", kind,
                          expected, found),
              found == images_magic || found == labels_magic ? "images and labels are swapped"
                                                             : "expected IDX data of unsigned bytes, as MNIST's files");
}

/// All labels of a file that must hold `count`.
std::vector<std::uint8_t> read_labels(const std::filesystem::path& path, std::uint32_t count) {
  const auto stream = open_plain_or_gzip(path);
  expect_magic(*stream, labels_magic, "labels");
  const std::uint32_t found = big_endian(*stream);
  if (found != count)
    stream->fail(fmt::format("expected one label per image ({}), found {}", count, found),
                 "the two files do not belong together");
  // Grown as data arrive: a damaged count must not become an allocation of 4 GiB.
  std::vector<std::uint8_t> labels;
  for (std::uint32_t read = 0; read < count;) {
    const auto piece = std::min<std::uint32_t>(count - read, 1 << 20);
    labels.resize(read + piece);
    stream->read(labels.data() + read, piece, "its labels");
    read += piece;
  }
  stream->expect_end();
  return labels;
}

/// Fashion-MNIST's ten class names where `name` or `files` says "fashion", else none: they are then numbers.
std::vector<std::string> class_names(const std::string& name, const IdxFiles& files,
                                     const std::vector<std::uint8_t>& labels) {
  if (lower(name + " " + files.images.string()).find("fashion") == std::string::npos) return {};
  const auto at = std::find_if(labels.begin(), labels.end(), [](std::uint8_t label) { return label > 9; });
  if (at != labels.end()) {
    throw Error(ExitCode::bad_input,
                fmt::format("label {} at place {}; expected 0 to 9, Fashion-MNIST's classes", *at, at - labels.begin()),
                files.labels.string(), "the file is damaged, or is not Fashion-MNIST: choose another --name");
  }
  return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
}

}  // namespace

IdxFiles find_idx_files(const std::filesystem::path& path, const std::string& split) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw Error(
        ExitCode::file_system, "there is no such file or folder", path.string(),
        "Fashion-MNIST comes with the Debian package dataset-fashion-mnist, in /usr/share/datasets/fashion-mnist");
  }
  if (failure) throw system_error(failure.value(), "cannot look at this path", path.string());

  if (status.type() == std::filesystem::file_type::directory) {
    const std::string prefix = split == "test" ? "t10k" : "train";
    const auto pick = [&](const std::string& kind, const std::string& rank) {
      for (const char* separator : {"-", "."}) {
        for (const char* ending : {"", ".gz"}) {
          auto candidate = path / (prefix + "-" + kind + separator + rank + "-ubyte" + ending);
          if (is_there(candidate)) return candidate;
        }
      }
      throw Error(ExitCode::bad_input,
                  fmt::format("the folder has no file {}-{}-{}-ubyte (or .gz)", prefix, kind, rank), path.string(),
                  "give a folder with the four files of MNIST or Fashion-MNIST, or an images file itself");
    };
    return {pick("images", "idx3"), pick("labels", "idx1")};
  }

  std::string name = path.filename().string();
  const auto replace = [&](const std::string& from, const std::string& to) {
    const std::size_t at = name.find(from);
    if (at != std::string::npos) name.replace(at, from.size(), to);
    return at != std::string::npos;
  };
  if (!replace("images", "labels")) {
    throw Error(ExitCode::bad_input,
                "cannot tell which file holds the labels: expected \"images\" in the name of the images file",
                path.string(),
                "name the files as MNIST's, for example train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz");
  }
  replace("idx3", "idx1");
  const auto labels = path.parent_path() / name;
  if (!is_there(labels))
    throw Error(ExitCode::file_system, "the labels file is missing; it belongs beside " + path.filename().string(),
                labels.string());
  return {path, labels};
}

IdxSource::IdxSource(const IdxFiles& files, const ArrayOptions& options, const std::string& name)
    : ArraySource(options, files.images.string()), images_(open_plain_or_gzip(files.images)) {
  expect_magic(*images_, images_magic, "images");
  const std::uint32_t count = big_endian(*images_);
  const std::uint32_t height = big_endian(*images_), width = big_endian(*images_);
  if (count == 0) images_->fail("the file holds no images");
  if (height == 0 || width == 0 || height > largest_side || width > largest_side ||
      std::uint64_t{height} * width > largest_image) {
    images_->fail(fmt::format("images of {} x {} pixels; expected 1 to {} a side and at most 1 GiB", height, width,
                              largest_side));
  }
  const auto folder = std::filesystem::absolute(files.images).parent_path();
  const std::string known_as = name.empty() ? folder.filename().string() : name;
  begin(NumberType::uint8, {count, height, width}, known_as,
        file_fingerprint(files.images) + ", " + file_fingerprint(files.labels));
  const std::vector<std::uint8_t> labels = read_labels(files.labels, count);
  set_labels({labels.begin(), labels.end()}, class_names(known_as, files, labels), files.labels.string());
  images_->expect_room(sample_bytes(), "an image");
}

void IdxSource::read_values(std::uint64_t number, void* out) {
  const std::string what = fmt::format("image {} of {}", number, facts().count);
  images_->skip((number - read_) * sample_bytes(), what);
  images_->read(out, sample_bytes(), what);
  read_ = number + 1;
  if (read_ == facts().count) images_->expect_end();
}

}  // namespace pathline::data
