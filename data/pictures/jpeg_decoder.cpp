#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <fmt/format.h>
#include <jerror.h>

#include "data/pictures/picture_decoder.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

namespace {

constexpr int most_scans = 200;  // each scan of a progressive file costs a pass over the picture
// Every block of 8 x 8 takes a bit or more; sampled as coarsely as can be (4 x 1 beside 1 x 4), it covers 8 x 32
// pixels.
constexpr std::uint64_t most_pixels_per_byte = std::uint64_t{8} * 8 * 32;
constexpr unsigned exif_marker = JPEG_APP0 + 1, largest_marker = 0xffff;

/// Damage that libjpeg papers over with grey. Its other warnings are about oddities that change no pixel.
bool is_damage(int warning) {
  return warning == JWRN_JPEG_EOF || warning == JWRN_HIT_MARKER || warning == JWRN_MUST_RESYNC ||
         warning == JWRN_HUFF_BAD_CODE || warning == JWRN_NOT_SEQUENTIAL;
}

/// Orientation 1 … 8 from the TIFF structure of an EXIF segment (Exif 2.3, section 4.6.4, tag 0x0112); 1 if it has none
/// or makes no sense.
int exif_orientation(const unsigned char* data, std::size_t size) {
  static constexpr unsigned char header[] = {'E', 'x', 'i', 'f', 0, 0};
  if (size < sizeof header + 8 || std::memcmp(data, header, sizeof header) != 0) return 1;
  data += sizeof header;
  size -= sizeof header;
  const bool big = data[0] == 'M';
  const auto number = [&](std::size_t at, unsigned bytes) -> std::uint64_t {
    if (at > size || bytes > size - at) return 0;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value = value << 8 | data[big ? at + i : at + bytes - 1 - i];
    return value;
  };
  const std::uint64_t directory = number(4, 4);
  const std::uint64_t entries = number(directory, 2);
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::uint64_t entry = directory + 2 + 12 * i;
    if (entry + 12 > size) break;
    if (number(entry, 2) != 0x0112) continue;
    const std::uint64_t value = number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

/// Gathers a picture and passes it on turned. Orientation as EXIF's: bit 4 (5 … 8) swaps rows and columns.
class Turner : public RowSink {
 public:
  Turner(RowSink& sink, int orientation) : sink_(sink), orientation_(orientation) {}
  void start(std::int64_t width, std::int64_t height, int channels) override {
    width_ = width;
    height_ = height;
    channels_ = channels;
    picture_.reserve(static_cast<std::size_t>(width * height * channels));
    const bool swapped = orientation_ >= 5;
    sink_.start(swapped ? height : width, swapped ? width : height, channels);
  }
  void row(const std::uint8_t* pixels) override {
    picture_.insert(picture_.end(), pixels, pixels + width_ * channels_);
  }
  void finish() {
    const bool swapped = orientation_ >= 5;
    const std::int64_t rows = swapped ? width_ : height_, columns = swapped ? height_ : width_;
    std::vector<std::uint8_t> line(static_cast<std::size_t>(columns * channels_));
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        const auto [x, y] = origin(c, r);
        std::copy_n(picture_.data() + (y * width_ + x) * channels_, channels_, line.data() + c * channels_);
      }
      sink_.row(line.data());
    }
  }

 private:
  /// Where in the stored picture the pixel at column c, row r of the shown one lies.
  std::pair<std::int64_t, std::int64_t> origin(std::int64_t c, std::int64_t r) const {
    const std::int64_t w = width_ - 1, h = height_ - 1;
    switch (orientation_) {
      case 2:
        return {w - c, r};
      case 3:
        return {w - c, h - r};
      case 4:
        return {c, h - r};
      case 5:
        return {r, c};
      case 6:
        return {r, h - c};
      case 7:
        return {w - r, h - c};
      case 8:
        return {w - r, c};
      default:
        return {c, r};
    }
  }
  RowSink& sink_;
  int orientation_;
  std::int64_t width_ = 0, height_ = 0;
  int channels_ = 0;
  std::vector<std::uint8_t> picture_;
};

/// As PngFile: libjpeg leaves by longjmp, and only through guarded().
class JpegFile {
 public:
  explicit JpegFile(std::span<const std::byte> file) : file_bytes_(file.size()) {
    jpeg_.err = jpeg_std_error(&errors_);
    jpeg_.client_data = this;
    errors_.error_exit = on_error;
    errors_.emit_message = on_message;
    errors_.output_message = [](j_common_ptr) {};
    guarded([&] {
      jpeg_create_decompress(&jpeg_);
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(file.data()), file.size());
      jpeg_save_markers(&jpeg_, exif_marker, largest_marker);
    });
    progress_.progress_monitor = on_progress;
    jpeg_.progress = &progress_;
  }
  ~JpegFile() { jpeg_destroy_decompress(&jpeg_); }
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  void decode(RowSink& sink) {
    guarded([this] { jpeg_read_header(&jpeg_, TRUE); });
    check_picture_size(jpeg_.image_width, jpeg_.image_height);
    if (jpeg_.arith_code) throw BadSample("a JPEG with arithmetic coding; expected Huffman coding");
    if (std::uint64_t{jpeg_.image_width} * jpeg_.image_height / most_pixels_per_byte > file_bytes_)
      throw BadSample(fmt::format("{} x {} pixels cannot be in a file of {} bytes", jpeg_.image_width,
                                  jpeg_.image_height, file_bytes_));
    if (jpeg_.data_precision != 8) throw BadSample("a JPEG of other than 8 bits");
    const bool four = jpeg_.jpeg_color_space == JCS_CMYK || jpeg_.jpeg_color_space == JCS_YCCK;
    const bool grey = jpeg_.jpeg_color_space == JCS_GRAYSCALE;
    if (jpeg_.jpeg_color_space == JCS_UNKNOWN) throw BadSample("a JPEG of an unknown colour space");
    jpeg_.out_color_space = four ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_.dct_method = JDCT_ISLOW;
    int orientation = 1;
    for (auto* marker = jpeg_.marker_list; marker != nullptr; marker = marker->next) {
      if (marker->marker == exif_marker && orientation == 1)
        orientation = exif_orientation(marker->data, marker->data_length);
    }
    guarded([this] { jpeg_start_decompress(&jpeg_); });
    refuse_damage();

    Turner turner(sink, orientation);
    RowSink& to = orientation == 1 ? sink : turner;
    const std::size_t width = jpeg_.output_width;
    to.start(static_cast<std::int64_t>(width), jpeg_.output_height, grey ? 1 : 3);
    std::vector<unsigned char> row(width * static_cast<std::size_t>(jpeg_.output_components)),
        rgb(four ? width * 3 : 0);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      guarded([&] {
        JSAMPROW rows[1] = {row.data()};
        jpeg_read_scanlines(&jpeg_, rows, 1);
      });
      refuse_damage();
      if (four) from_cmyk(row, rgb);
      to.row(four ? rgb.data() : row.data());
    }
    guarded([this] { jpeg_finish_decompress(&jpeg_); });
    refuse_damage();
    if (orientation != 1) turner.finish();
  }

 private:
  template <class Call>
  void guarded(const Call& call) {
    if (setjmp(escape_) != 0) throw BadSample(std::string("the JPEG data are damaged: ") + message_);
    call();
  }
  void refuse_damage() const {
    if (damaged_) throw BadSample(std::string("the JPEG data are damaged: ") + message_);
  }

  /// Adobe's files hold 255 - ink, which is what a product needs; others hold ink.
  void from_cmyk(const std::vector<unsigned char>& cmyk, std::vector<unsigned char>& rgb) const {
    const unsigned invert = jpeg_.saw_Adobe_marker ? 0 : 255;
    for (std::size_t p = 0; p < rgb.size() / 3; ++p) {
      const unsigned black = cmyk[4 * p + 3] ^ invert;
      for (std::size_t c = 0; c < 3; ++c)
        rgb[3 * p + c] = static_cast<unsigned char>(((cmyk[4 * p + c] ^ invert) * black + 127) / 255);
    }
  }

  static JpegFile* self(j_common_ptr jpeg) { return static_cast<JpegFile*>(jpeg->client_data); }
  static void on_error(j_common_ptr jpeg) {
    JpegFile* file = self(jpeg);
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    std::snprintf(file->message_, sizeof file->message_, "%s", text);
    std::longjmp(file->escape_, 1);
  }
  static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0 || !is_damage(jpeg->err->msg_code)) return;
    JpegFile* file = self(jpeg);
    if (file->damaged_) return;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    std::snprintf(file->message_, sizeof file->message_, "%s", text);
    file->damaged_ = true;
  }
  static void on_progress(j_common_ptr jpeg) {
    JpegFile* file = self(jpeg);
    if (file->jpeg_.input_scan_number <= most_scans) return;
    std::snprintf(file->message_, sizeof file->message_, "more than %d scans", most_scans);
    std::longjmp(file->escape_, 1);
  }

  std::size_t file_bytes_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf escape_;
  char message_[JMSG_LENGTH_MAX] = "";
  bool damaged_ = false;
};

}  // namespace

void decode_jpeg(std::span<const std::byte> file, RowSink& sink) {
  JpegFile(file).decode(sink);
}

}  // namespace pathline::data
