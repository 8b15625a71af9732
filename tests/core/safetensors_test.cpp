#include "core/safetensors.h"

#include <array>
#include <cstring>
#include <random>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::TemporaryFolder;

/// A file made by hand: the header's length is right whatever the header says.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  file += header;
  for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i);
  return file;
}

/// Without the fsync of write_file_durably, and without truncating, after which some file systems flush too: thousands
/// of files.
void write_plainly(const std::filesystem::path& path, const std::string& contents) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_GE(fd, 0);
  const auto written = ::write(fd, contents.data(), contents.size());
  ::close(fd);
  ASSERT_EQ(written, static_cast<ssize_t>(contents.size()));
}

struct Malformed {
  std::string name, contents, expected;  ///< `expected` must be in the message
};

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const std::string kGood = R"({"a":)" + tensor("F32", "[2]", "[0,8]") + "}";

std::vector<Malformed> malformed_files() {
  const auto one = [](const std::string& body, std::size_t data_bytes) {
    return file_of(R"({"a":)" + body + "}", data_bytes);
  };
  std::string too_long = file_of(kGood, 8);
  too_long[0] = static_cast<char>(too_long.size());
  std::string enormous = file_of(kGood, 8);
  enormous[7] = '\x7f';
  const std::string deep = std::string(2'000'000, '[');
  return {
      {"empty", "", "0 bytes"},
      {"shorter_than_the_length", "abc", "3 bytes"},
      {"header_beyond_the_file", too_long, "header length"},
      {"enormous_header_length", enormous, "header length"},
      {"length_only", file_of("", 0), "not a JSON object"},
      {"zip_archive", "PK\x03\x04 and so on, like a .pt file", "zip archive"},
      {"not_json", file_of("{this is not json}", 0), "not valid JSON"},
      {"not_an_object", file_of("[1, 2]", 0), "not a JSON object"},
      {"byte_order_mark", file_of("\xEF\xBB\xBF{}", 0), "not a JSON object"},
      {"leading_space", file_of(" {}", 0), "not a JSON object"},
      {"hidden_after_a_zero_byte", file_of(std::string("{}\0hidden", 9), 0), "not a JSON object"},
      {"two_objects", file_of("{} {}", 0), "not valid JSON"},
      {"unfinished", file_of(R"({"a":)", 0), "not valid JSON"},
      {"not_utf8", file_of("{\"\xff\":1}", 0), "not valid JSON"},
      {"comment", file_of("{/* */}", 0), "not valid JSON"},
      {"deep_nesting", file_of("{\"a\":" + deep, 0), "expected an object"},
      {"deep_shape", one(R"({"dtype":"F32","shape":)" + deep, 0), "found a list"},
      {"tensor_is_a_number", one("5", 0), "expected an object"},
      {"tensor_is_null", one("null", 0), "found null"},
      {"no_dtype", one(R"({"shape":[2],"data_offsets":[0,8]})", 8), "lacks its dtype"},
      {"no_shape", one(R"({"dtype":"F32","data_offsets":[0,8]})", 8), "lacks its shape"},
      {"no_offsets", one(R"({"dtype":"F32","shape":[2]})", 8), "lacks its data_offsets"},
      {"unknown_field", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})", 8), "unknown field"},
      {"bad_dtype", one(tensor("F31", "[2]", "[0,8]"), 8), "'F31' is not supported"},
      {"dtype_is_a_number", one(R"({"dtype":32,"shape":[2],"data_offsets":[0,8]})", 8), "expected a string"},
      {"shape_is_a_number", one(tensor("F32", "2", "[0,8]"), 8), "expected a list"},
      {"shape_holds_text", one(tensor("F32", R"(["2"])", "[0,8]"), 8), "whole numbers"},
      {"shape_holds_a_list", one(tensor("F32", "[[2]]", "[0,8]"), 8), "whole numbers"},
      {"shape_holds_an_object", one(tensor("F32", "[{}]", "[0,8]"), 8), "whole numbers"},
      {"negative_size", one(tensor("F32", "[-2]", "[0,8]"), 8), "whole numbers"},
      {"fraction", one(tensor("F32", "[2.0]", "[0,8]"), 8), "whole numbers"},
      {"size_beyond_64_bits", one(tensor("F32", "[99999999999999999999]", "[0,8]"), 8), "whole numbers"},
      {"size_beyond_63_bits", one(tensor("F32", "[9223372036854775808]", "[0,8]"), 8), "too large"},
      {"product_overflows", one(tensor("F32", "[4294967296,4294967296]", "[0,0]"), 0), "too large"},
      {"product_overflows_beside_a_zero", one(tensor("F32", "[4294967296,4294967296,0]", "[0,0]"), 0), "too large"},
      {"bytes_overflow", one(tensor("F64", "[2305843009213693952]", "[0,0]"), 0), "too large"},
      {"one_offset", one(tensor("F32", "[2]", "[0]"), 8), "two data_offsets"},
      {"three_offsets", one(tensor("F32", "[2]", "[0,8,8]"), 8), "two data_offsets"},
      {"offsets_reversed", one(tensor("F32", "[2]", "[8,0]"), 8), "do not lie within"},
      {"offsets_beyond_the_file", one(tensor("F32", "[2]", "[0,8]"), 7), "truncated"},
      {"offsets_enormous", one(tensor("F32", "[2]", "[18446744073709551608,18446744073709551615]"), 8), "do not lie"},
      {"shape_and_offsets_disagree", one(tensor("F32", "[3]", "[0,8]"), 8), "need 12 bytes"},
      {"trailing_bytes", one(tensor("F32", "[2]", "[0,8]"), 9), "1 bytes at the end"},
      {"data_without_tensors", file_of("{}", 4), "4 bytes at the end"},
      {"hole", file_of(R"({"a":)" + tensor("U8", "[2]", "[0,2]") + R"(,"b":)" + tensor("U8", "[2]", "[3,5]") + "}", 5),
       "hole"},
      {"hole_at_the_start", one(tensor("U8", "[2]", "[1,3]"), 3), "hole"},
      {"overlap",
       file_of(R"({"a":)" + tensor("U8", "[3]", "[0,3]") + R"(,"b":)" + tensor("U8", "[3]", "[2,5]") + "}", 5),
       "overlap"},
      {"same_bytes_twice",
       file_of(R"({"a":)" + tensor("U8", "[3]", "[0,3]") + R"(,"b":)" + tensor("U8", "[3]", "[0,3]") + "}", 3),
       "overlap"},
      {"empty_tensor_inside_another",
       file_of(R"({"a":)" + tensor("U8", "[3]", "[0,3]") + R"(,"b":)" + tensor("U8", "[0]", "[1,1]") + "}", 3),
       "overlap"},
      {"duplicate_tensor",
       file_of(R"({"a":)" + tensor("U8", "[2]", "[0,2]") + R"(,"a":)" + tensor("U8", "[2]", "[2,4]") + "}", 4),
       "appears twice"},
      {"duplicate_field", one(R"({"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]})", 8), "appears twice"},
      {"duplicate_metadata_key", file_of(R"({"__metadata__":{"k":"1","k":"2"}})", 0), "appears twice"},
      {"duplicate_metadata", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0), "appears twice"},
      {"metadata_holds_a_number", file_of(R"({"__metadata__":{"k":1}})", 0), "expected a string"},
      {"metadata_holds_an_object", file_of(R"({"__metadata__":{"k":{}}})", 0), "expected a string"},
      {"metadata_is_text", file_of(R"({"__metadata__":"k"})", 0), "expected an object"},
  };
}

TEST(SafetensorsReader, MalformedFilesAreRefusedWithAReason) {
  const TemporaryFolder folder;
  for (const Malformed& file : malformed_files()) {
    SCOPED_TRACE(file.name);
    const std::filesystem::path path = folder / (file.name + ".safetensors");
    write_plainly(path, file.contents);

    const Error error = error_of([&] { SafetensorsReader reader(path); });

    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_TRUE(contains(error.message(), file.expected));
    EXPECT_TRUE(contains(error.place(), path.string()));
  }
}

// Reading -----------------------------------------------------------------------------------------

TEST(SafetensorsReader, ReadsAFileMadeByHand) {
  const TemporaryFolder folder;
  const std::string header = R"({"b":)" + tensor("I16", "[1,2]", "[3,7]") + R"(,"__metadata__":{"format":"pt"},"a":)" +
                             tensor("U8", "[3]", "[0,3]") + "}   ";
  write_file_durably(folder / "file", file_of(header, 7));

  const SafetensorsReader reader(folder / "file");

  ASSERT_EQ(reader.entries().size(), 2u);
  EXPECT_EQ(reader.entries()[0].name, "a");
  const SafetensorsEntry* entry = reader.find("b");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->dtype, "I16");
  EXPECT_EQ(entry->shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(entry->offset, 8 + header.size() + 3);
  std::array<std::uint8_t, 4> bytes{};
  reader.read(*entry, bytes.data());
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 4>{3, 4, 5, 6}));
  EXPECT_EQ(reader.find("c"), nullptr);
  EXPECT_EQ(reader.metadata().at("format"), "pt");
}

TEST(SafetensorsReader, AcceptsAFileWithoutTensors) {
  const TemporaryFolder folder;
  write_file_durably(folder / "file", file_of("{}", 0));

  EXPECT_TRUE(SafetensorsReader(folder / "file").entries().empty());
}

TEST(SafetensorsReader, StaysUsableAfterAMove) {
  const TemporaryFolder folder;
  write_file_durably(folder / "file", file_of(kGood, 8));
  SafetensorsReader first(folder / "file");

  const SafetensorsReader second = std::move(first);
  std::array<std::uint8_t, 8> bytes{};
  second.read(*second.find("a"), bytes.data());

  EXPECT_EQ(bytes[7], 7);
}

TEST(SafetensorsReader, AMissingFileAndWhatIsNoFileAreToldApart) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);

  EXPECT_EQ(error_of([&] { SafetensorsReader reader(folder / "none"); }).code(), ExitCode::file_system);
  EXPECT_EQ(error_of([&] { SafetensorsReader reader(folder.path()); }).code(), ExitCode::bad_input);
  EXPECT_EQ(error_of([&] { SafetensorsReader reader(folder / "pipe"); }).code(), ExitCode::bad_input);
}

TEST(SafetensorsReader, ReportsAFileThatShrinksWhileOpen) {
  const TemporaryFolder folder;
  write_file_durably(folder / "file", file_of(kGood, 8));
  const SafetensorsReader reader(folder / "file");
  std::filesystem::resize_file(folder / "file", 20);
  std::array<std::uint8_t, 8> bytes{};

  const Error error = error_of([&] { reader.read(reader.entries()[0], bytes.data()); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
}

TEST(SafetensorsReader, DamagedHeadersNeverDoMoreThanThrow) {
  const TemporaryFolder folder;
  const std::string header = R"({"__metadata__":{"k":"v"},"a":)" + tensor("F32", "[2,1]", "[0,8]") + R"(,"b":)" +
                             tensor("I64", "[]", "[8,16]") + "}";
  const std::string good = file_of(header, 16);
  std::mt19937 random(3);

  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good;
    for (unsigned change = 0; change <= random() % 3; ++change) {
      bad[random() % (8 + header.size())] = static_cast<char>(random());
    }
    write_plainly(folder / "file", bad);
    try {
      const SafetensorsReader reader(folder / "file");
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ExitCode::bad_input);
      ++refused;
    }
  }

  EXPECT_GT(refused, 2000);
}

// Writing -----------------------------------------------------------------------------------------

TEST(WriteSafetensors, ComesBackTheSame) {
  const TemporaryFolder folder;
  const std::vector<float> weights{1.5f, -2.0f, 0.0f, 3.25f, 4.0f, 5.0f};
  const double scalar = 0.1;
  const std::vector<std::uint8_t> bytes{1, 2, 3};

  write_safetensors(folder / "file",
                    {{"w \"quoted\" \\ \u00e9", "F32", {2, 3}, weights.data()},
                     {"scalar", "F64", {}, &scalar},
                     {"nothing", "I32", {0, 4}, nullptr},
                     {"bytes", "U8", {3}, bytes.data()}},
                    {{"step", "12"}, {"line", "a\nb"}});
  const SafetensorsReader reader(folder / "file");

  ASSERT_EQ(reader.entries().size(), 4u);
  std::vector<float> found(6);
  reader.read(*reader.find("w \"quoted\" \\ \u00e9"), found.data());
  EXPECT_EQ(found, weights);
  double found_scalar = 0;
  reader.read(*reader.find("scalar"), &found_scalar);
  EXPECT_EQ(found_scalar, scalar);
  EXPECT_TRUE(reader.find("scalar")->shape.empty());
  EXPECT_EQ(reader.find("nothing")->shape, (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(reader.find("nothing")->bytes, 0u);
  EXPECT_EQ(reader.metadata(), (std::map<std::string, std::string>{{"step", "12"}, {"line", "a\nb"}}));
}

TEST(WriteSafetensors, AlignsEveryTensorToItsItemSize) {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> room(64);

  write_safetensors(folder / "file", {{"a", "U8", {3}, room.data()},
                                      {"b", "F16", {3}, room.data()},
                                      {"c", "F32", {3}, room.data()},
                                      {"d", "I64", {3}, room.data()},
                                      {"e", "F32", {1}, room.data()}});
  const SafetensorsReader reader(folder / "file");

  std::string order;
  for (const SafetensorsEntry& entry : reader.entries()) {
    order += entry.name;
    EXPECT_EQ(entry.offset % safetensors_item_size(entry.dtype), 0u) << entry.name;
  }
  EXPECT_EQ(order, "dceba");
}

TEST(WriteSafetensors, SameTensorsGiveTheSameBytes) {
  const TemporaryFolder folder;
  const std::vector<float> values{1, 2, 3};
  for (const char* name : {"one", "two"}) {
    write_safetensors(folder / name, {{"a", "F32", {3}, values.data()}}, {{"z", "1"}, {"a", "2"}});
  }

  EXPECT_EQ(read_file(folder / "one"), read_file(folder / "two"));
}

TEST(WriteSafetensors, MistakesOfTheCallerAreLogicErrors) {
  const TemporaryFolder folder;
  const float value = 1;

  const auto write = [&](const std::vector<SafetensorsSource>& tensors) {
    write_safetensors(folder / "file", tensors);
  };
  EXPECT_THROW(write({{"a", "F32", {}, &value}, {"a", "F32", {}, &value}}), std::logic_error);
  EXPECT_THROW(write({{"__metadata__", "F32", {}, &value}}), std::logic_error);
  EXPECT_THROW(write({{"a", "F31", {}, &value}}), std::logic_error);
  EXPECT_THROW(write({{"a", "F32", {-1}, &value}}), std::logic_error);
  EXPECT_TRUE(folder.names().empty());
}

TEST(WriteSafetensors, NamesThatAreNotUtf8AreRefused) {
  const TemporaryFolder folder;
  const float value = 1;

  EXPECT_EQ(error_of([&] {
              write_safetensors(folder / "file", {{"\xff", "F32", {}, &value}});
            }).code(),
            ExitCode::usage);
}

}  // namespace
}  // namespace pathline
