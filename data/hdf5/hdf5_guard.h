#pragma once
// Looks at HDF5 files that may be damaged, foreign or hostile, before anything is read from them or allocated for them.
//
// What is refused, and why: links other than hard ones and external storage (they make one file disclose another),
// virtual datasets, user blocks (HDF5 reports wrong offsets below them), and filters that are not allow-listed. Every
// refusal is Error(bad_input) that names file, object, what was expected and what was found. Thread-safety: as HDF5
// (one lock).

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_handle.h"

namespace pathline::data {

/// Opens for reading, without file locks (network file systems often refuse them, and pathline's files never change in
/// place). `sieve_bytes`: size of HDF5's read-ahead buffer; 0: its own default.
Hdf5Handle open_hdf5_to_read(const std::filesystem::path& file, std::size_t sieve_bytes = 0);

/// The dataset at the absolute `object` path. Every component must be a hard link.
Hdf5Handle open_dataset_to_read(hid_t file, const std::string& object, const std::filesystem::path& path);

/// What a dataset declares and occupies.
struct DatasetFacts {
  std::vector<hsize_t> dims;
  std::uint64_t item_bytes = 0, declared_bytes = 0, stored_bytes = 0;
  haddr_t offset = HADDR_UNDEF;  ///< of contiguous data; HADDR_UNDEF otherwise
  std::string type;  ///< "uint8" … "uint64", "int8" … "int64", "float16", "float32", "float64" (all little-endian), or
                     ///< a description of another type
  H5D_layout_t layout = H5D_LAYOUT_ERROR;
  std::vector<H5Z_filter_t> filters;
};

/// Collects the facts; refuses virtual and external storage, dimension products that overflow, and filters beyond
/// deflate, shuffle, fletcher32.
DatasetFacts inspect_dataset(hid_t dataset, const std::string& object, const std::filesystem::path& path);

/// "[60000, 28, 28, 1]"
std::string format_dims(const std::vector<hsize_t>& dims);

}  // namespace pathline::data
