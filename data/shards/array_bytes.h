#pragma once
// Where the bytes of a shard's values come from: two back ends behind one interface. `pread` reads the byte range that
// was found and checked when the shard was opened, from any number of threads at once. `hdf5` lets the HDF5 library
// read (H5Dread): slower, one reader at a time, but written by others, and so the oracle for the first.
//
// Neither checks contents; ShardFile does. Thread-safety: read() from any number of threads.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/file_descriptor.h"

namespace pathline::data {

enum class ReadBackend { pread, hdf5 };

class ArrayBytes {
 public:
  virtual ~ArrayBytes() = default;
  /// Values first … first + count − 1 into `out`. Error(bad_input) or Error(file_system) at the file.
  virtual void read(std::uint64_t first, std::uint64_t count, std::byte* out) const = 0;
  /// Tells the system that these values are wanted soon.
  virtual void announce(std::uint64_t first, std::uint64_t count) const = 0;
};

/// Values of `value_bytes` each, one after another from `offset` of an open file. `path` and `object` are for
/// messages.
std::unique_ptr<ArrayBytes> pread_array_bytes(std::shared_ptr<const FileDescriptor> fd, std::uint64_t offset,
                                              std::size_t value_bytes, std::filesystem::path path, std::string object);
/// The dataset `object` of the HDF5 file at `path`, which must be known to be sound.
std::unique_ptr<ArrayBytes> hdf5_array_bytes(const std::filesystem::path& path, const std::string& object,
                                             std::size_t value_bytes);

}  // namespace pathline::data
