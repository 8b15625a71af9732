#pragma once
// Where the datasets of a shard lie, read without the HDF5 library.
//
// HDF5 "is not designed to handle maliciously crafted files safely" (its own SECURITY.md), and a shard may come from
// anywhere. What pathline writes is a small part of the format: superblock 3, a root group and perhaps groups below it
// whose few links stand in their object headers, contiguous datasets of plain numbers. This reader knows that part,
// checks the checksum of every piece of metadata, follows no address outside the file, and refuses the rest by name
// before anything is allocated for it. tests/data/hdf5/hdf5_layout_test.cpp compares it with the library. Source: HDF5
// File Format Specification 3.0, sections II.A (superblock), IV.A.1.b (version 2 object headers) and IV.A.2 (messages).
//
// Errors: Error(bad_input) that names file, object, expected and found; Error(file_system). Thread-safety: no state but
// the open file's, which is only read.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pathline::data {

/// A contiguous dataset. Its extent lies within the file.
struct StoredDataset {
  std::string type;  ///< "uint8", "int64", "uint64", "float32", "float64" (all little-endian), or a description
  std::vector<std::uint64_t> dims;
  std::uint64_t offset = 0, bytes = 0;  ///< bytes = product of dims and item size
};

class Hdf5Layout {
 public:
  /// Reads superblock and root group of a file of `file_bytes` that should have `expected_bytes`. `fd` is borrowed and
  /// must stay open; `path` is for messages.
  Hdf5Layout(int fd, std::uint64_t file_bytes, std::uint64_t expected_bytes, std::filesystem::path path);

  /// How many objects the group at `path` ("conditions"; empty: the root group) holds.
  std::size_t objects(const std::string& path = {}) const;
  /// The dataset at `path` ("images", "conditions/pose").
  StoredDataset dataset(const std::string& path) const;

 private:
  struct Message {
    unsigned type = 0, flags = 0;
    std::vector<unsigned char> body;
  };
  struct Link {
    std::string name;
    bool hard = false;
    std::uint64_t address = 0;
  };
  [[noreturn]] void refuse(const std::string& object, const std::string& message) const;
  std::vector<unsigned char> read(std::uint64_t address, std::uint64_t bytes, const std::string& object) const;
  std::vector<Link> links_at(std::uint64_t address, const std::string& object) const;
  std::uint64_t address_of(const std::string& path) const;
  std::vector<Message> messages_at(std::uint64_t address, const std::string& object) const;
  void read_block(const std::vector<unsigned char>& block, std::size_t begin, bool ordered, const std::string& object,
                  std::vector<Message>& messages) const;

  int fd_;
  std::uint64_t file_bytes_;
  std::filesystem::path path_;
  std::uint64_t root_ = 0;  // address of the root group
};

}  // namespace pathline::data
