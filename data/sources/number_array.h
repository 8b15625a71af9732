#pragma once
// An array of numbers in somebody's file with one value per sample along its first dimension, read front to back: what
// conditions and labels come from. One interface in front of .npy, .npz and HDF5; ArraySource reads samples the same
// way.
//
// Errors: Error(bad_input) naming file and array; Error(file_system). One object, one thread at a time.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/number_type.h"

namespace pathline::data {

struct NumberArrayFacts {
  NumberType type = NumberType::uint8;
  std::vector<std::uint64_t> dims;
  std::string place;        ///< file and array, for messages
  std::string fingerprint;  ///< changes when the contents may have changed

  /// Bytes of one value. Error(bad_input) if they are more than 1 GiB, or none.
  std::size_t value_bytes() const;
};

class NumberArray {
 public:
  NumberArray() = default;
  virtual ~NumberArray() = default;
  NumberArray(const NumberArray&) = delete;
  NumberArray& operator=(const NumberArray&) = delete;

  virtual const NumberArrayFacts& facts() const noexcept = 0;
  /// Values first … first + count − 1 as in the file, facts().value_bytes() each. Ascending numbers; gaps are allowed.
  virtual void read(std::uint64_t first, std::uint64_t count, void* out) = 0;
};

/// Every value of an array of integers that has one number per sample: labels. Error(bad_input) for others.
std::vector<std::int64_t> read_labels(NumberArray& array);

}  // namespace pathline::data
