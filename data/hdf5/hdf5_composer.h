#pragma once
// Writes an HDF5 file of contiguous datasets durably and without a second copy of the data.
//
// Division of labour: HDF5 lays the file out in memory (core driver, no backing store) but is never given the data, so
// what it holds is a few KiB of metadata; we then write metadata and data to a DurableFile at the places HDF5 has
// chosen. Why not let HDF5 write the file: on a full disk HDF5 1.10 reports success for every write, fails only on
// close, and may then crash at exit. Why not H5Fget_file_image: it needs the whole file in memory, twice.
//
// The bytes are a pure function of the contents: object times are off. File format bounds are V110, whose metadata
// carry checksums. Ownership: borrows the data of every dataset until write() returns. One object, one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/durable_file.h"
#include "core/hash.h"
#include "data/hdf5/hdf5_handle.h"

namespace pathline::data {

class Hdf5Composer {
 public:
  Hdf5Composer();
  ~Hdf5Composer();
  Hdf5Composer(const Hdf5Composer&) = delete;
  Hdf5Composer& operator=(const Hdf5Composer&) = delete;

  /// A group below the root; its parents must exist. `links`: how many objects it will hold, where more than eight must
  /// stand in its header, which other readers than HDF5's library need (data/hdf5/hdf5_layout.h).
  void group(const std::string& path, std::size_t links = 0);
  /// A contiguous dataset at `path` in the file type `type` (little-endian; e.g. H5T_STD_U8LE). `data` holds exactly
  /// that, row-major; it may be null only if a dimension is 0.
  void dataset(const std::string& path, hid_t type, const std::vector<hsize_t>& dims, const void* data);

  /// Attributes of the group or dataset at `path` ("/" for the file). Strings are fixed-length, null-terminated
  /// (HDFView ignores variable-length ones), ASCII where possible, else UTF-8.
  void attribute(const std::string& path, const std::string& name, const std::string& text);
  void attribute(const std::string& path, const std::string& name, std::int64_t value);
  void attribute(const std::string& path, const std::string& name, double value);
  /// Any one-dimensional or scalar (`dims` empty) attribute whose memory equals its file type.
  void attribute(const std::string& path, const std::string& name, hid_t type, const std::vector<hsize_t>& dims,
                 const void* value);

  /// Ends the layout and writes the file; `hash`, if given, is fed every byte. Errors of the file system as
  /// core/durable_file.h. Once.
  void write(DurableFile& file, Sha256* hash = nullptr);

 private:
  struct Extent {
    std::uint64_t offset, bytes;
    const void* data;
  };
  struct Image;  // the buffer that the core driver grows and hands over on close
  std::unique_ptr<Image> image_;
  Hdf5Handle file_;
  std::vector<Extent> extents_;
};

}  // namespace pathline::data
