#include "data/sources/byte_stream.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <vector>

#include <fmt/format.h>
#include <zlib.h>

#include "core/error.h"
#include "core/regular_file.h"
#include "data/sources/deflate_bound.h"

namespace pathline::data {

namespace {

class PlainOrGzip : public ByteStream {
 public:
  explicit PlainOrGzip(const std::filesystem::path& path) : ByteStream(path.string()) {
    FileDescriptor fd = open_input(path, "this file");
    file_ = gzdopen(fd.get(), "rb");
    if (file_ == nullptr) throw std::bad_alloc();
    fd.release();
    gzbuffer(file_, 1 << 17);
    std::error_code unknown;  // of a pipe, say
    const std::uintmax_t size = std::filesystem::file_size(path, unknown);
    if (!unknown) most_bytes_ = gzdirect(file_) == 1 ? size : most_inflated(size);
  }
  ~PlainOrGzip() override { gzclose(file_); }
  std::uint64_t most_bytes() const override { return most_bytes_; }

 protected:
  std::size_t read_some(void* out, std::size_t bytes) override {
    auto* to = static_cast<unsigned char*>(out);
    std::size_t got = 0;
    while (got < bytes) {
      errno = 0;
      const int n = gzread(file_, to + got, static_cast<unsigned>(std::min<std::size_t>(bytes - got, 1 << 30)));
      int code = Z_OK;
      const char* reason = gzerror(file_, &code);
      if (code == Z_ERRNO) throw system_error(errno, "cannot read this file", place());
      // Z_BUF_ERROR is a gzip stream that stops before its end: the caller knows what was being read.
      if (n < 0 && code != Z_BUF_ERROR)
        fail(fmt::format("the gzip data are damaged: {}", reason), "fetch the file again");
      if (n <= 0) {
        if (code == Z_BUF_ERROR && bytes == 1)
          fail("the gzip data end before their checksum", "the file is truncated: fetch it again");
        break;
      }
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

 private:
  gzFile file_ = nullptr;
  std::uint64_t most_bytes_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace

void ByteStream::fail(const std::string& message, const std::string& hint) const {
  throw Error(ExitCode::bad_input, message, place_, hint);
}

void ByteStream::read(void* out, std::size_t bytes, const std::string& what) {
  const std::size_t got = read_some(out, bytes);
  if (got != bytes)
    fail(fmt::format("the file ends in {}: expected {} bytes there, found {}", what, bytes, got),
         "the file is truncated: fetch it again");
}

void ByteStream::skip(std::uint64_t bytes, const std::string& what) {
  std::vector<std::byte> scratch(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, 1 << 16)));
  while (bytes > 0) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, scratch.size()));
    read(scratch.data(), piece, what);
    bytes -= piece;
  }
}

void ByteStream::expect_room(std::uint64_t bytes, const std::string& what) const {
  if (bytes > most_bytes())
    fail(fmt::format("{} of {} bytes cannot be in it: it holds at most {}", what, bytes, most_bytes()),
         "the file is damaged or truncated: fetch it again");
}

void ByteStream::expect_end() {
  unsigned char extra;
  // Reading on at the end makes zlib check the gzip trailer.
  if (read_some(&extra, 1) != 0) fail("the file holds more data than its header says");
}

std::unique_ptr<ByteStream> open_plain_or_gzip(const std::filesystem::path& path) {
  return std::make_unique<PlainOrGzip>(path);
}

}  // namespace pathline::data
