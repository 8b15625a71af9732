#pragma once
// Reading and writing safetensors files (https://huggingface.co/docs/safetensors): 8-byte little-endian header length,
// JSON header, raw little-endian tensor bytes. No LibTorch here; core/torch/tensor_file.h puts tensors on top.
//
// A reader trusts nothing: header length against the file, JSON shape, known dtypes, shape products with overflow
// checks, offsets that tile the buffer without holes or overlaps, unique names. A malformed file is Error(bad_input)
// with file, tensor, expected and found.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/file_descriptor.h"

namespace pathline {

struct SafetensorsEntry {
  std::string name;
  std::string dtype;  ///< "F64" "F32" "F16" "BF16" "I64" "I32" "I16" "I8" "U8" "BOOL"
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0;  ///< of the first byte, from the start of the file
  std::uint64_t bytes = 0;
};

/// Bytes of one element of `dtype`; 0 if the dtype is unknown.
std::size_t safetensors_item_size(const std::string& dtype);

/// An open safetensors file. Movable; reading different tensors from several threads is safe (pread).
class SafetensorsReader {
 public:
  /// Throws Error(file_system) if the file cannot be read, Error(bad_input) if it is not a sound safetensors file.
  explicit SafetensorsReader(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::vector<SafetensorsEntry>& entries() const noexcept { return entries_; }  ///< by offset
  const std::map<std::string, std::string>& metadata() const noexcept { return metadata_; }
  const SafetensorsEntry* find(const std::string& name) const;
  void read(const SafetensorsEntry& entry, void* out) const;  ///< exactly entry.bytes

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
  std::vector<SafetensorsEntry> entries_;
  std::map<std::string, std::size_t> index_;
  std::map<std::string, std::string> metadata_;
};

/// A tensor to be written; `data` points to contiguous little-endian bytes that stay alive during write_safetensors.
struct SafetensorsSource {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
};

/// Writes durably. The header is padded with spaces so that tensor data starts at a multiple of 8 bytes, and tensors
/// are laid out by item size, largest first (otherwise in the order given), so that each is aligned for readers that
/// map the file. Throws Error(file_system); std::logic_error for repeated or reserved names and unknown dtypes.
void write_safetensors(const std::filesystem::path& target, const std::vector<SafetensorsSource>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace pathline
