#include "trainer/log/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/system.h"

namespace pathline {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed-width fields are written as they lie in memory");

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
    table[byte] = crc;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

template <typename T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

// Protocol buffer encoding (https://protobuf.dev/programming-guides/encoding/): tag = field number << 3 | wire type.
enum class Wire : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes += static_cast<char>(value);
}

std::string tag(std::uint32_t field, Wire type) {
  return varint(field << 3 | static_cast<std::uint32_t>(type));
}
std::string varint_field(std::uint32_t field, std::uint64_t value) {
  return tag(field, Wire::varint) + varint(value);
}
std::string double_field(std::uint32_t field, double value) {
  return tag(field, Wire::fixed64) + raw(value);
}
std::string float_field(std::uint32_t field, float value) {
  return tag(field, Wire::fixed32) + raw(value);
}
std::string bytes_field(std::uint32_t field, std::string_view value) {
  return tag(field, Wire::bytes) + varint(value.size()) + std::string(value);
}

// Field numbers of tensorflow/core/util/event.proto and framework/summary.proto.
namespace event {
constexpr std::uint32_t wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7;
}
namespace session_log {
constexpr std::uint32_t status = 1;
constexpr std::uint64_t start = 1;
}  // namespace session_log
namespace summary {
constexpr std::uint32_t value = 1;
}
namespace value {
constexpr std::uint32_t tag = 1, simple_value = 2, image = 4;
}
namespace image {
constexpr std::uint32_t height = 1, width = 2, colorspace = 3, encoded = 4;
}

double now() {
  return std::chrono::duration<double>(System::current().wall().time_since_epoch()).count();
}

std::string make_event(std::uint64_t step, const std::string& what) {
  return double_field(event::wall_time, now()) + varint_field(event::step, step) + what;
}

std::string summary_of(const std::string& summary_value) {
  return bytes_field(event::summary, bytes_field(summary::value, summary_value));
}

std::string file_name() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return fmt::format("events.out.tfevents.{}.{}.{}", static_cast<std::uint64_t>(now()), host[0] != '\0' ? host : "host",
                     ::getpid());
}

AppendFile open_in(const std::filesystem::path& folder) {
  make_folder(folder);
  return AppendFile(folder / file_name());
}

std::uint32_t big_endian32(std::string_view bytes) {
  std::uint32_t number = 0;
  for (const char c : bytes.substr(0, 4)) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return ~crc;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder, std::uint64_t start_step)
    : file_(open_in(folder)) {
  write_record(double_field(event::wall_time, now()) + bytes_field(event::file_version, "brain.Event:2"));
  if (start_step > 0) {
    write_record(
        make_event(start_step, bytes_field(event::session_log, varint_field(session_log::status, session_log::start))));
  }
}

void TensorboardWriter::add_scalar(std::string_view tag_text, double number, std::uint64_t step) {
  write_record(make_event(step, summary_of(bytes_field(value::tag, tag_text) +
                                           float_field(value::simple_value, static_cast<float>(number)))));
}

void TensorboardWriter::add_image(std::string_view tag_text, std::string_view png, std::uint64_t step) {
  // PNG: 8 bytes of signature, then the IHDR chunk (length, name, width, height, bit depth, colour type).
  if (png.size() < 26 || png.substr(1, 3) != "PNG") {
    throw Error(ExitCode::bad_input, "expected a PNG picture", std::string(tag_text));
  }
  const std::uint32_t width = big_endian32(png.substr(16)), height = big_endian32(png.substr(20));
  const bool colour = (static_cast<unsigned char>(png[25]) & 2) != 0,
             alpha = (static_cast<unsigned char>(png[25]) & 4) != 0;
  const std::uint64_t channels = (colour ? 3U : 1U) + (alpha ? 1U : 0U);
  write_record(make_event(
      step, summary_of(bytes_field(value::tag, tag_text) +
                       bytes_field(value::image,
                                   varint_field(image::height, height) + varint_field(image::width, width) +
                                       varint_field(image::colorspace, channels) + bytes_field(image::encoded, png)))));
}

void TensorboardWriter::write_record(const std::string& payload) {
  const std::string length = raw(std::uint64_t{payload.size()});
  file_.append(length + raw(masked_crc32c(length)) + payload + raw(masked_crc32c(payload)));
}

}  // namespace pathline
