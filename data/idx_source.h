#pragma once
// Reads a data set in IDX form, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist): an images
// file (magic 0x00000803, count, height, width, bytes) and a labels file (magic 0x00000801, count, bytes), each plain
// or gzipped, streamed image by image.
//
// Errors: Error(file_system) for missing or unreadable files, Error(bad_input) for anything that is not exactly this,
// with file, expected and found. One object, one thread.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/shard_set.h"

namespace pathline::data {

struct IdxFiles {
  std::filesystem::path images, labels;
};

/// `path`: a folder with files named as MNIST's (`train-images-idx3-ubyte`, `t10k-…` for split "test", with or without
/// .gz), or an images file whose name holds "images" (the labels file is the same name with "labels" and "idx1").
IdxFiles find_idx_files(const std::filesystem::path& path, const std::string& split);

class IdxSource {
 public:
  /// Opens both files and reads all labels.
  explicit IdxSource(IdxFiles files);
  ~IdxSource();

  std::uint64_t count() const noexcept { return labels_.size(); }
  const ImageShape& shape() const noexcept { return shape_; }  ///< one channel
  const std::vector<std::uint8_t>& labels() const noexcept { return labels_; }
  const IdxFiles& files() const noexcept { return files_; }

  /// The next image ([H, W]) into `out`. REQUIRES: fewer than count() calls so far. The call for the last image also
  /// checks that the file ends there and, where gzipped, its CRC.
  void read_image(void* out);

 private:
  class Stream;
  IdxFiles files_;
  std::unique_ptr<Stream> images_;
  ImageShape shape_;
  std::vector<std::uint8_t> labels_;
  std::uint64_t read_ = 0;
};

/// Fashion-MNIST's ten class names where `name` or `path` says "fashion", else "0" ... "K-1" for the largest label K-1.
/// Throws Error(bad_input) if Fashion-MNIST's labels pass 9.
std::vector<std::string> idx_class_names(const std::string& name, const IdxSource& source);

}  // namespace pathline::data
