#include "data/idx_source.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <stdexcept>

#include <fmt/format.h>
#include <zlib.h>

#include "core/error.h"

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

}  // namespace

/// A plain or gzipped file, read to exact lengths.
class IdxSource::Stream {
 public:
  explicit Stream(std::filesystem::path path) : path_(std::move(path)) {
    errno = 0;
    file_ = gzopen(path_.c_str(), "rb");
    if (file_ == nullptr) throw system_error(errno != 0 ? errno : ENOMEM, "cannot open this file", path_.string());
    gzbuffer(file_, 1 << 17);
  }
  ~Stream() { gzclose(file_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const {
    throw Error(ExitCode::bad_input, message, path_.string(), hint);
  }

  void read(void* out, std::size_t bytes, const std::string& what) {
    const std::size_t got = read_some(out, bytes);
    if (got != bytes)
      fail(fmt::format("the file ends in {}: expected {} bytes there, found {}", what, bytes, got),
           "the file is truncated: fetch it again");
  }

  std::uint32_t big_endian(const std::string& what) {
    unsigned char b[4];
    read(b, sizeof b, what);
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }

  void expect_magic(std::uint32_t expected, const char* kind) {
    const std::uint32_t found = big_endian("its header");
    if (found == expected) return;
    fail(fmt::format("this is not an IDX file of {}: expected magic number 0x{:08x}, found 0x{:08x}", kind, expected,
                     found),
         found == images_magic || found == labels_magic ? "images and labels are swapped"
                                                        : "expected IDX data of unsigned bytes, as MNIST's files");
  }

  /// Reading on at the end makes zlib check the gzip trailer.
  void expect_end() {
    unsigned char extra;
    if (read_some(&extra, 1) != 0) fail("the file holds more data than its header says");
  }

 private:
  std::size_t read_some(void* out, std::size_t bytes) {
    auto* to = static_cast<unsigned char*>(out);
    std::size_t got = 0;
    while (got < bytes) {
      errno = 0;
      const int n = gzread(file_, to + got, static_cast<unsigned>(std::min<std::size_t>(bytes - got, 1 << 30)));
      int code = Z_OK;
      const char* reason = gzerror(file_, &code);
      if (code == Z_ERRNO) throw system_error(errno, "cannot read this file", path_.string());
      // Z_BUF_ERROR is a gzip stream that stops before its end: the caller knows what was being read.
      if (n < 0 && code != Z_BUF_ERROR)
        fail(fmt::format("the gzip data are damaged: {}", reason), "fetch the file again");
      if (n <= 0) {
        if (code == Z_BUF_ERROR && bytes == 1)
          fail("the gzip data end before their checksum", "the file is truncated: fetch it again");
        break;
      }
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

  std::filesystem::path path_;
  gzFile file_ = nullptr;
};

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
          const auto candidate = path / (prefix + "-" + kind + separator + rank + "-ubyte" + ending);
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

IdxSource::IdxSource(IdxFiles files) : files_(std::move(files)), images_(std::make_unique<Stream>(files_.images)) {
  images_->expect_magic(images_magic, "images");
  const std::uint32_t count = images_->big_endian("its header");
  const std::uint32_t height = images_->big_endian("its header"), width = images_->big_endian("its header");
  if (count == 0) images_->fail("the file holds no images");
  if (height == 0 || width == 0 || height > largest_side || width > largest_side ||
      std::uint64_t{height} * width > largest_image) {
    images_->fail(fmt::format("images of {} x {} pixels; expected 1 to {} a side and at most 1 GiB", height, width,
                              largest_side));
  }
  shape_ = {1, height, width};

  Stream labels(files_.labels);
  labels.expect_magic(labels_magic, "labels");
  const std::uint32_t label_count = labels.big_endian("its header");
  if (label_count != count)
    labels.fail(fmt::format("expected one label per image ({}), found {}", count, label_count),
                "the two files do not belong together");
  // Grown as data arrive: a damaged count must not become an allocation of 4 GiB.
  for (std::uint32_t read = 0; read < count;) {
    const auto piece = std::min<std::uint32_t>(count - read, 1 << 20);
    labels_.resize(read + piece);
    labels.read(labels_.data() + read, piece, "its labels");
    read += piece;
  }
  labels.expect_end();
}

IdxSource::~IdxSource() = default;

void IdxSource::read_image(void* out) {
  if (read_ >= count()) throw std::logic_error("IdxSource::read_image beyond the end");
  images_->read(out, static_cast<std::size_t>(shape_.values()), fmt::format("image {} of {}", read_, count()));
  if (++read_ == count()) images_->expect_end();
}

std::vector<std::string> idx_class_names(const std::string& name, const IdxSource& source) {
  const int largest = *std::max_element(source.labels().begin(), source.labels().end());
  const std::string said = lower(name + " " + source.files().images.string());
  if (said.find("fashion") != std::string::npos) {
    if (largest > 9) {
      const auto at =
          std::find_if(source.labels().begin(), source.labels().end(), [](std::uint8_t label) { return label > 9; });
      throw Error(ExitCode::bad_input,
                  fmt::format("label {} at place {}; expected 0 to 9, Fashion-MNIST's classes", *at,
                              at - source.labels().begin()),
                  source.files().labels.string(),
                  "the file is damaged, or is not Fashion-MNIST: choose another --name");
    }
    return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};
  }
  std::vector<std::string> names;
  for (int label = 0; label <= largest; ++label) names.push_back(std::to_string(label));
  return names;
}

}  // namespace pathline::data
