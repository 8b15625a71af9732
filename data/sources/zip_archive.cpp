#include "data/sources/zip_archive.h"

#include <cerrno>

#include <fmt/format.h>
#include <zip.h>
#include <zlib.h>

#include "core/error.h"
#include "core/regular_file.h"
#include "data/sources/deflate_bound.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

namespace {

struct CloseFile {
  void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
};
using OpenFile = std::unique_ptr<zip_file_t, CloseFile>;

class ZipStream : public ByteStream {
 public:
  ZipStream(OpenFile file, const ZipEntry& entry, const std::string& place)
      : ByteStream(place), file_(std::move(file)), size_(entry.size) {}
  std::uint64_t most_bytes() const override { return size_; }

 protected:
  std::size_t read_some(void* out, std::size_t bytes) override {
    std::size_t got = 0;
    while (got < bytes) {
      const zip_int64_t n = zip_fread(file_.get(), static_cast<std::byte*>(out) + got, bytes - got);
      if (n < 0) fail(std::string("the zip data are damaged: ") + zip_error_strerror(zip_file_get_error(file_.get())));
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

 private:
  OpenFile file_;
  std::uint64_t size_;
};

}  // namespace

struct ZipArchive::Handle {
  zip_t* zip = nullptr;
  ~Handle() {
    if (zip != nullptr) zip_discard(zip);
  }
};

ZipArchive::ZipArchive(const std::filesystem::path& path) : path_(path), handle_(std::make_unique<Handle>()) {
  file_bytes_ = open_regular_file(path, "this file").bytes;
  int code = 0;
  handle_->zip = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (handle_->zip == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    const bool system = zip_error_system_type(&error) == ZIP_ET_SYS;
    const int number = zip_error_code_system(&error);
    zip_error_fini(&error);
    if (system && number != 0) throw system_error(number, "cannot open this file", path.string());
    throw Error(ExitCode::bad_input, "this is not a zip archive: " + reason, path.string());
  }
  const zip_int64_t count = zip_get_num_entries(handle_->zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    const auto number = static_cast<zip_uint64_t>(i);
    constexpr zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    const char* name = zip_get_name(handle_->zip, number, ZIP_FL_ENC_RAW);
    if (name == nullptr || zip_stat_index(handle_->zip, number, 0, &stat) != 0 || (stat.valid & needed) != needed) {
      throw Error(ExitCode::bad_input, fmt::format("entry {} of the archive is damaged", i), path.string());
    }
    entries_.push_back({name, number, stat.size, stat.comp_size, stat.crc, stat.comp_method == ZIP_CM_STORE,
                        stat.comp_method == ZIP_CM_DEFLATE, stat.encryption_method != ZIP_EM_NONE});
  }
}

ZipArchive::~ZipArchive() = default;

std::string ZipArchive::problem(const ZipEntry& entry, std::uint64_t limit) const {
  if (entry.encrypted) return "it is encrypted";
  if (!entry.stored && !entry.deflated) return "it is packed by a method other than stored and deflate";
  if (entry.size > limit) return fmt::format("it declares {} bytes; expected at most {}", entry.size, limit);
  if (entry.packed_size > file_bytes_ || (entry.stored && entry.packed_size != entry.size))
    return fmt::format("it declares {} bytes in the archive, which cannot be", entry.packed_size);
  if (entry.deflated && entry.size > most_inflated(entry.packed_size))
    return fmt::format("it declares {} bytes, more than its {} deflated ones can hold", entry.size, entry.packed_size);
  return "";
}

void ZipArchive::read_packed(const ZipEntry& entry, std::vector<std::byte>& out) const {
  const OpenFile file(zip_fopen_index(handle_->zip, entry.number, ZIP_FL_COMPRESSED));
  if (!file) throw BadSample(std::string("cannot be read from the archive: ") + zip_strerror(handle_->zip));
  out.resize(entry.packed_size);
  const zip_int64_t got = zip_fread(file.get(), out.data(), out.size());
  if (got < 0 || static_cast<std::uint64_t>(got) != entry.packed_size) throw BadSample("the archive ends in its data");
}

std::vector<std::byte> ZipArchive::unpack(const ZipEntry& entry, std::span<const std::byte> packed) {
  std::vector<std::byte> out;
  if (entry.stored) {
    out.assign(packed.begin(), packed.end());
  } else {
    out.resize(entry.size);
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int code = inflate(&stream, Z_FINISH);
    const bool whole = code == Z_STREAM_END && stream.total_out == entry.size;
    inflateEnd(&stream);
    if (!whole) throw BadSample(fmt::format("its deflated data do not give the {} bytes declared", entry.size));
  }
  const auto found = crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size());
  if (found != entry.crc)
    throw BadSample(fmt::format("its CRC is wrong: expected {:08x}, found {:08x}", entry.crc, found));
  return out;
}

std::unique_ptr<ByteStream> ZipArchive::stream(const ZipEntry& entry) const {
  const std::string place = path_.string() + ":" + entry.name;
  OpenFile file(zip_fopen_index(handle_->zip, entry.number, 0));
  if (!file) throw Error(ExitCode::bad_input, zip_strerror(handle_->zip), place);
  return std::make_unique<ZipStream>(std::move(file), entry, place);
}

}  // namespace pathline::data
