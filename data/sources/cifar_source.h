#pragma once
// CIFAR-10 and CIFAR-100 in their binary version (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label
// byte (CIFAR-100: the coarse, then the fine label) and 3,072 bytes, 32 x 32 pixels with the channels one after
// another. The version for Python is pickled; pickles run code, and are not read.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/array_source.h"
#include "data/sources/byte_stream.h"

namespace pathline::data {

class CifarSource : public ArraySource {
 public:
  /// `path`: the unpacked folder (data_batch_1.bin …, test_batch.bin; train.bin, test.bin), or one .bin file.
  /// `classes`: 10 or 100. Class names come from batches.meta.txt or fine_label_names.txt, where there.
  CifarSource(const std::filesystem::path& path, int classes, const std::string& split, const ArrayOptions& options);

 protected:
  void read_values(std::uint64_t number, void* out) override;

 private:
  void open_file_of(std::uint64_t number);

  struct File {
    std::filesystem::path path;
    std::uint64_t first = 0, count = 0;
  };
  std::size_t label_bytes_;
  std::vector<File> files_;
  std::size_t open_ = 0;  // which of them stream_ reads
  std::unique_ptr<ByteStream> stream_;
  std::uint64_t at_ = 0;  // number of the record that stream_ stands at
};

}  // namespace pathline::data
