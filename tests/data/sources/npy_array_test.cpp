#include "data/sources/npy_array.h"

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

template <class T>
std::string as_bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class NpyArrayTest : public testing::Test {
 protected:
  std::unique_ptr<NpyArray> open(const std::string& bytes) {
    write_bytes(folder_ / "y.npy", bytes);
    return open_npy_array(folder_ / "y.npy");
  }
  TemporaryFolder folder_;
};

TEST_F(NpyArrayTest, ReadsNumbersOfEveryType) {
  const auto last_of = [&](const std::string& descr, const std::string& bytes) {
    const auto array = open(npy_file(descr, "(2,)", bytes));
    std::vector<std::byte> values(2 * bytes_of(array->facts().type));
    array->read(0, 2, values.data());
    return number_at(values.data(), 1, array->facts().type);
  };

  EXPECT_EQ(last_of("|b1", bytes_of_text({0, 1})), 1);
  EXPECT_EQ(last_of("|u1", bytes_of_text({0, 255})), 255);
  EXPECT_EQ(last_of("|i1", bytes_of_text({0, 255})), -1);
  EXPECT_EQ(last_of("<u2", as_bytes<std::uint16_t>({0, 65535})), 65535);
  EXPECT_EQ(last_of("<i2", as_bytes<std::int16_t>({0, -32768})), -32768);
  EXPECT_EQ(last_of("<u4", as_bytes<std::uint32_t>({0, 4294967295u})), 4294967295.0);
  EXPECT_EQ(last_of("<i4", as_bytes<std::int32_t>({0, -7})), -7);
  EXPECT_EQ(last_of("<i8", as_bytes<std::int64_t>({0, -7})), -7);
  EXPECT_EQ(last_of("<u8", as_bytes<std::uint64_t>({0, 7})), 7);
  EXPECT_EQ(last_of("<f2", as_bytes<std::uint16_t>({0, 0xc100})), -2.5);
  EXPECT_EQ(last_of("<f4", as_bytes<float>({0, 0.5f})), 0.5);
  EXPECT_EQ(last_of("<f8", as_bytes<double>({0, 1e300})), 1e300);
}

TEST_F(NpyArrayTest, UnsignedNumbersBeyondTheLargestIntegerStayThere) {
  const std::uint64_t beyond = ~std::uint64_t{0};

  EXPECT_EQ(integer_at(reinterpret_cast<const std::byte*>(&beyond), 0, NumberType::uint64), INT64_MAX);
}

TEST_F(NpyArrayTest, SkipsWhatIsNotAskedFor) {
  const auto array = open(npy_file("<i4", "(5, 2)", as_bytes<std::int32_t>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9})));
  std::vector<std::int32_t> first(2), later(4);

  array->read(1, 1, first.data());
  array->read(3, 2, later.data());

  EXPECT_EQ(first, (std::vector<std::int32_t>{2, 3}));
  EXPECT_EQ(later, (std::vector<std::int32_t>{6, 7, 8, 9}));
}

TEST_F(NpyArrayTest, RefusesOtherTypesAndWhatIsCutShort) {
  expect_error(ExitCode::bad_input, {"y.npy", "'<U5'", "integers"}, [&] { open(npy_file("<U5", "(1,)", "")); });
  expect_error(ExitCode::bad_input, {"y.npy", "the file ends in value 1 of 3"}, [&] {
    std::vector<std::int32_t> values(2);
    open(npy_file("<i4", "(3,)", as_bytes<std::int32_t>({0, 1})))->read(1, 2, values.data());
  });
}

}  // namespace
}  // namespace pathline::data
