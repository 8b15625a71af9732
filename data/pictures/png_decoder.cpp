#include <csetjmp>
#include <cstring>
#include <new>
#include <vector>

#include <fmt/format.h>
#include <png.h>

#include "data/pictures/picture_decoder.h"
#include "data/sources/deflate_bound.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

namespace {

constexpr png_uint_32 most_kept_chunks = 64;
constexpr png_alloc_size_t largest_chunk = 8 << 20;

/// libpng reports errors by longjmp: each call of it goes through guarded(), whose frame holds nothing to destroy.
class PngFile {
 public:
  explicit PngFile(std::span<const std::byte> file) : left_(file), file_bytes_(file.size()) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ == nullptr) throw std::bad_alloc();
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      throw std::bad_alloc();
    }
  }
  ~PngFile() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;

  void decode(RowSink& sink) {
    guarded([this] {
      png_set_read_fn(png_, this, on_read);
      png_set_user_limits(png_, largest_picture_side, largest_picture_side);
      png_set_chunk_cache_max(png_, most_kept_chunks);
      png_set_chunk_malloc_max(png_, largest_chunk);
      // Texts and profiles would be inflated for nothing.
      static const png_byte unwanted[] = "iCCP\0iTXt\0tEXt\0zTXt\0eXIf\0sPLT\0hIST\0pCAL\0sCAL";
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, unwanted, (sizeof unwanted) / 5);
      png_read_info(png_, info_);
    });
    const png_uint_32 width = png_get_image_width(png_, info_), height = png_get_image_height(png_, info_);
    check_picture_size(width, height);
    if (png_get_rowbytes(png_, info_) * height > most_inflated(file_bytes_))
      throw BadSample(fmt::format("{} x {} pixels cannot be in a file of {} bytes", width, height, file_bytes_));
    int passes = 1;
    guarded([&] {
      png_set_expand(png_);
      png_set_scale_16(png_);
      passes = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
    });
    const int channels = png_get_channels(png_, info_);
    const std::size_t row_bytes = png_get_rowbytes(png_, info_);
    if (row_bytes != static_cast<std::size_t>(width) * static_cast<std::size_t>(channels) ||
        png_get_bit_depth(png_, info_) != 8)
      throw BadSample("a combination of colour type and depth that PNG does not have");
    sink.start(width, height, channels);

    if (passes == 1) {
      std::vector<png_byte> row(row_bytes);
      for (png_uint_32 y = 0; y < height; ++y) {
        guarded([&] { png_read_row(png_, row.data(), nullptr); });
        sink.row(row.data());
      }
    } else {
      std::vector<png_byte> picture(row_bytes * height);
      for (int pass = 0; pass < passes; ++pass) {
        for (png_uint_32 y = 0; y < height; ++y)
          guarded([&] { png_read_row(png_, picture.data() + row_bytes * y, nullptr); });
      }
      for (png_uint_32 y = 0; y < height; ++y) sink.row(picture.data() + row_bytes * y);
    }
    guarded([this] { png_read_end(png_, nullptr); });
  }

 private:
  template <class Call>
  void guarded(const Call& call) {
    if (setjmp(png_jmpbuf(png_)) != 0) throw BadSample(std::string("the PNG data are damaged: ") + message_);
    call();
  }

  static void on_error(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngFile*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof self->message_ - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
  static void on_read(png_structp png, png_bytep out, png_size_t bytes) {
    auto* self = static_cast<PngFile*>(png_get_io_ptr(png));
    if (bytes > self->left_.size()) png_error(png, "the file ends too early");
    std::memcpy(out, self->left_.data(), bytes);
    self->left_ = self->left_.subspan(bytes);
  }

  std::span<const std::byte> left_;
  std::size_t file_bytes_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[160] = "";
};

}  // namespace

void decode_png(std::span<const std::byte> file, RowSink& sink) {
  PngFile(file).decode(sink);
}

}  // namespace pathline::data
