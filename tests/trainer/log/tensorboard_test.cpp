#include "trainer/log/tensorboard.h"

#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;

// A reader of event files that shares no code with the writer: a bitwise CRC, a recursive-descent protobuf walk.

std::uint32_t slow_crc32c(const std::string& bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      const bool set = ((crc ^ (static_cast<unsigned char>(c) >> bit)) & 1U) != 0;
      crc >>= 1;
      if (set) crc ^= 0x82F63B78U;
    }
  }
  return ~crc;
}

std::uint32_t slow_mask(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

struct Field {
  std::uint64_t number = 0;
  std::string bytes;
};

/// Fields of a message by number: raw bytes of fixed and length-delimited ones, the value of varints.
std::multimap<int, Field> parse_message(const std::string& text) {
  std::multimap<int, Field> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(text.at(at++));
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
  };
  while (at < text.size()) {
    const std::uint64_t key = varint();
    Field field;
    switch (key & 7U) {
      case 0:
        field.number = varint();
        break;
      case 1:
        field.bytes = text.substr(at, 8), at += 8;
        break;
      case 2: {
        const std::uint64_t size = varint();
        field.bytes = text.substr(at, size), at += size;
        break;
      }
      case 5:
        field.bytes = text.substr(at, 4), at += 4;
        break;
      default:
        throw std::runtime_error("wire type");
    }
    fields.emplace(static_cast<int>(key >> 3), field);
  }
  if (at != text.size()) throw std::runtime_error("a field beyond the end");
  return fields;
}

template <typename T>
T value_of(const std::string& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::vector<std::multimap<int, Field>> events(const fs::path& file) {
  const std::string text = test::file_text(file);
  std::vector<std::multimap<int, Field>> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::string length_bytes = text.substr(at, 8);
    const auto length = value_of<std::uint64_t>(length_bytes);
    EXPECT_EQ(value_of<std::uint32_t>(text.substr(at + 8, 4)), slow_mask(slow_crc32c(length_bytes)));
    const std::string payload = text.substr(at + 12, length);
    EXPECT_EQ(value_of<std::uint32_t>(text.substr(at + 12 + length, 4)), slow_mask(slow_crc32c(payload)));
    all.push_back(parse_message(payload));
    at += 16 + length;
  }
  return all;
}

/// A PNG of 3x2 grey pixels as far as its header goes.
std::string png_header() {
  using namespace std::string_literals;
  return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\0\0\0\0pixels"s;
}

TEST(Crc32c, KnowsThePublishedCheckValue) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}  // RFC 3720, B.4

TEST(Tensorboard, WritesAVersionThenScalarsThatAnIndependentReaderFinds) {
  const TemporaryFolder folder;
  TensorboardWriter writer(folder / "log", 0);

  writer.add_scalar("train/loss", 0.375, 300);

  const auto found = events(writer.path());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].find(3)->second.bytes, "brain.Event:2");
  EXPECT_EQ(found[1].find(2)->second.number, 300U);
  EXPECT_GT(value_of<double>(found[1].find(1)->second.bytes), 1.6e9);
  const auto value = parse_message(parse_message(found[1].find(5)->second.bytes).find(1)->second.bytes);
  EXPECT_EQ(value.find(1)->second.bytes, "train/loss");
  EXPECT_EQ(value_of<float>(value.find(2)->second.bytes), 0.375F);
}

TEST(Tensorboard, WritesPicturesWithTheirSize) {
  const TemporaryFolder folder;
  TensorboardWriter writer(folder.path(), 0);

  writer.add_image("preview", png_header(), 7);

  const auto value = parse_message(parse_message(events(writer.path())[1].find(5)->second.bytes).find(1)->second.bytes);
  const auto image = parse_message(value.find(4)->second.bytes);
  EXPECT_EQ(image.find(1)->second.number, 2U);
  EXPECT_EQ(image.find(2)->second.number, 3U);
  EXPECT_EQ(image.find(3)->second.number, 1U);
  EXPECT_EQ(image.find(4)->second.bytes, png_header());
}

TEST(Tensorboard, RefusesAPictureThatIsNone) {
  const TemporaryFolder folder;
  TensorboardWriter writer(folder.path(), 0);

  EXPECT_EQ(error_of([&] { writer.add_image("preview", "GIF89a", 7); }).code(), ExitCode::bad_input);
}

TEST(Tensorboard, MarksWhereAResumedRunStarts) {
  const TemporaryFolder folder;
  TensorboardWriter writer(folder.path(), 21);

  const auto found = events(writer.path());

  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].find(2)->second.number, 21U);
  EXPECT_EQ(parse_message(found[1].find(7)->second.bytes).find(1)->second.number, 1U);  // SessionLog.START
}

}  // namespace
}  // namespace pathline
