#pragma once
// NumPy's arrays read front to back in bounded memory: a .npy, plain or gzipped, or a member of a .npz.
//
// Little-endian, C order; integers, bool and floats. Errors as data/sources/number_array.h.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/byte_stream.h"
#include "data/sources/npy_header.h"
#include "data/sources/number_array.h"
#include "data/sources/zip_archive.h"

namespace pathline::data {

class NpyArray final : public NumberArray {
 public:
  /// `archive` is what `stream` reads from; null for a plain file.
  NpyArray(std::unique_ptr<ByteStream> stream, std::shared_ptr<const ZipArchive> archive, std::string fingerprint);

  const NumberArrayFacts& facts() const noexcept override { return facts_; }
  const NpyHeader& header() const noexcept { return header_; }
  const ByteStream& stream() const noexcept { return *stream_; }
  void read(std::uint64_t first, std::uint64_t count, void* out) override;

 private:
  std::shared_ptr<const ZipArchive> archive_;
  std::unique_ptr<ByteStream> stream_;
  NpyHeader header_;
  NumberArrayFacts facts_;
  std::uint64_t at_ = 0;  // the value that stream_ stands at
};

std::unique_ptr<NpyArray> open_npy_array(const std::filesystem::path& path);
/// Member `name` (with or without .npy) of the archive at `path`; `option` is what names it on the command line.
std::unique_ptr<NpyArray> open_npz_array(const std::filesystem::path& path, const std::string& name,
                                         const std::string& option);

/// The member named `wanted`, or the first there is of the `usual` names; null only if neither was asked for nor found.
const ZipEntry* choose_npz_member(const ZipArchive& archive, const std::string& wanted,
                                  const std::vector<std::string>& usual, const std::string& option);

}  // namespace pathline::data
