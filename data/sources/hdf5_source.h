#pragma once
// Samples from HDF5 files of others (data/hdf5/hdf5_array.h).

#include <memory>

#include "data/hdf5/hdf5_array.h"
#include "data/sources/array_source.h"

namespace pathline::data {

class Hdf5Source : public ArraySource {
 public:
  Hdf5Source(std::unique_ptr<Hdf5Array> array, const ArrayOptions& options);

 protected:
  void read_values(std::uint64_t number, void* out) override;

 private:
  std::unique_ptr<Hdf5Array> array_;
};

}  // namespace pathline::data
