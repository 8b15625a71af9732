#pragma once
// NumPy's .npy arrays and .npz archives: samples along the first dimension, labels from a second array.
//
// Little-endian, C order. Samples: u1, f2, f4, f8 (data/sources/array_source.h says what becomes of them); labels: any
// integer or bool, one per sample. Read front to back in bounded memory, from deflated archives too.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/sources/array_source.h"
#include "data/sources/byte_stream.h"

namespace pathline::data {

class ZipArchive;

struct NpyInput {
  std::filesystem::path path;       ///< .npy or .npz
  std::string array, labels_array;  ///< in an npz; empty: the usual names
  std::filesystem::path labels;     ///< a .npy of labels; empty: none, or those in the npz
};

class NpySource : public ArraySource {
 public:
  NpySource(const NpyInput& input, const ArrayOptions& options);
  ~NpySource() override;

 protected:
  void read_values(std::uint64_t number, void* out) override;

 private:
  std::unique_ptr<ZipArchive> archive_;
  std::unique_ptr<ByteStream> stream_;
  std::uint64_t at_ = 0;
};

}  // namespace pathline::data
