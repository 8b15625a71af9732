#pragma once
// Reads a data set in IDX form, the format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist): an images
// file (magic 0x00000803, count, height, width, bytes) and a labels file (magic 0x00000801, count, bytes), each plain
// or gzipped, streamed image by image.
//
// Errors: Error(file_system) for missing or unreadable files, Error(bad_input) for anything that is not exactly this,
// with file, expected and found.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/sources/array_source.h"
#include "data/sources/byte_stream.h"

namespace pathline::data {

struct IdxFiles {
  std::filesystem::path images, labels;
};

/// `path`: a folder with files named as MNIST's (`train-images-idx3-ubyte`, `t10k-…` for split "test", with or without
/// .gz), or an images file whose name holds "images" (the labels file is the same name with "labels" and "idx1").
IdxFiles find_idx_files(const std::filesystem::path& path, const std::string& split);

class IdxSource : public ArraySource {
 public:
  /// Opens both files and reads all labels. The classes are Fashion-MNIST's where `name` (empty: that of the folder) or
  /// the path says "fashion", else "0" ... "K-1" for the largest label K-1.
  IdxSource(const IdxFiles& files, const ArrayOptions& options, const std::string& name);

 protected:
  /// The last image also checks that the file ends there and, where gzipped, its CRC.
  void read_values(std::uint64_t number, void* out) override;

 private:
  std::unique_ptr<ByteStream> images_;
  std::uint64_t read_ = 0;
};

}  // namespace pathline::data
