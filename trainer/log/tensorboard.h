#pragma once
// TensorBoard event files, written without TensorBoard: scalars and PNG pictures (docs/formats/metrics.md says how the
// bytes lie).
//
// A file is a stream of TFRecords (length, masked CRC-32C of it, payload, masked CRC-32C of it); each payload is one
// Event in protocol buffer encoding. Every run and every resume starts a file of its own in the folder; TensorBoard
// reads them in order of their names. Files are appended to and flushed to the system, not fsynced: an event stream cut
// by a crash is still readable up to the cut. Errors: Error(file_system). Thread-safety: one thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "trainer/log/append_file.h"

namespace pathline {

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78).
std::uint32_t crc32c(std::string_view bytes);
/// The checksum as TFRecord stores it: rotated right by 15 bits, plus a constant.
std::uint32_t masked_crc32c(std::string_view bytes);

class TensorboardWriter {
 public:
  /// Creates `folder` if needed and in it events.out.tfevents.<time>.<host>.<pid>. `start_step`: events at or after it
  /// in older files of the folder are obsolete (TensorBoard drops them): a resumed run passes the step it resumes at,
  /// plus one.
  TensorboardWriter(const std::filesystem::path& folder, std::uint64_t start_step);

  void add_scalar(std::string_view tag, double value, std::uint64_t step);
  /// `png`: a complete PNG file.
  void add_image(std::string_view tag, std::string_view png, std::uint64_t step);
  const std::filesystem::path& path() const noexcept { return file_.path(); }

 private:
  void write_record(const std::string& payload);
  AppendFile file_;
};

}  // namespace pathline
