#pragma once
// Reads a dataset of a foreign HDF5 file front to back along its first dimension, in bounded memory and without
// trusting it: no filter plug-in is loaded, chunks are fetched raw and unpacked here, so that a chunk which inflates
// beyond its declared size ends in an error instead of the machine's memory.
//
// Layouts: contiguous, compact, chunked with deflate, shuffle and fletcher32 (data/hdf5/hdf5_guard.h refuses the rest).
// What is held: the samples of one row of chunks, or 8 MiB of others. Errors: Error(bad_input) with file and object.
// One object, one thread; the file must outlive it.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/hdf5/hdf5_guard.h"

namespace pathline::data {

class Hdf5Rows {
 public:
  /// Opens the dataset and checks what it declares: at least one dimension, at most 1 GiB for what is held.
  Hdf5Rows(hid_t file, const std::string& object, const std::filesystem::path& path);

  const DatasetFacts& facts() const noexcept { return facts_; }
  const std::string& object() const noexcept { return object_; }
  std::uint64_t count() const noexcept { return facts_.dims[0]; }
  std::size_t row_bytes() const noexcept { return row_bytes_; }
  /// The bytes of row `number` as in the file, valid until the next call. REQUIRES: number < count().
  const std::byte* row(std::uint64_t number);

 private:
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const;
  void load_plain();
  void load_chunks();
  void load_chunk(const std::vector<hsize_t>& offset);
  void unfilter(std::vector<std::byte>& chunk, unsigned skipped) const;
  void place(const std::vector<std::byte>& chunk, const std::vector<hsize_t>& offset);

  std::filesystem::path path_;
  std::string object_;
  Hdf5Handle dataset_;
  DatasetFacts facts_;
  std::size_t row_bytes_ = 0;
  std::vector<hsize_t> chunk_;  // dimensions of a chunk; empty unless chunked
  std::size_t chunk_bytes_ = 0;
  std::uint64_t block_rows_ = 0, block_first_ = 0, block_count_ = 0;
  std::vector<std::byte> block_, packed_;
};

}  // namespace pathline::data
