#pragma once
// Bytes read front to back to exact lengths, with errors that say which part of the file was being read. The parsers of
// stream formats (IDX, CIFAR, npy) stand on this, whether the bytes come from a plain file, a gzipped one or a zip.
//
// Errors: Error(file_system) for files that cannot be opened or read, Error(bad_input) for contents. One object, one
// thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace pathline::data {

class ByteStream {
 public:
  explicit ByteStream(std::string place) : place_(std::move(place)) {}
  virtual ~ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// Exactly `bytes`, or an error that says the file ends in `what`.
  void read(void* out, std::size_t bytes, const std::string& what);
  void skip(std::uint64_t bytes, const std::string& what);
  /// Refuses anything that follows; where the container has checksums, this is where the last one is checked.
  void expect_end();
  /// More bytes than this cannot be in it, from its first to its last, whatever a header says.
  virtual std::uint64_t most_bytes() const = 0;
  /// Refuses `what` of so many bytes if they cannot be in it: before memory is taken for them.
  void expect_room(std::uint64_t bytes, const std::string& what) const;
  /// Error(bad_input) about this file.
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const;
  const std::string& place() const noexcept { return place_; }

 protected:
  /// Fewer than `bytes` only at the end.
  virtual std::size_t read_some(void* out, std::size_t bytes) = 0;

 private:
  std::string place_;
};

/// A file that is gzipped or not, told apart by its contents.
std::unique_ptr<ByteStream> open_plain_or_gzip(const std::filesystem::path& path);

}  // namespace pathline::data
