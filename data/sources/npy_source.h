#pragma once
// Samples from NumPy's .npy arrays and .npz archives: along the first dimension, labels from a second array.
//
// Samples: u1, f2, f4, f8 (data/sources/array_source.h says what becomes of them); labels: any integer or bool, one per
// sample. Read front to back in bounded memory, from deflated archives too.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "data/sources/array_source.h"
#include "data/sources/npy_array.h"

namespace pathline::data {

struct NpyInput {
  std::filesystem::path path;       ///< .npy or .npz
  std::string array, labels_array;  ///< in an npz; empty: the usual names
  std::filesystem::path labels;     ///< a .npy of labels; empty: none, or those in the npz
};

class NpySource : public ArraySource {
 public:
  NpySource(const NpyInput& input, const ArrayOptions& options);

 protected:
  void read_values(std::uint64_t number, void* out) override { array_->read(number, 1, out); }

 private:
  std::unique_ptr<NpyArray> array_;
};

}  // namespace pathline::data
