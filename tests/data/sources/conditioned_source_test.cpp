#include "data/sources/conditioned_source.h"

#include <cmath>
#include <cstring>

#include "tests/data/sources/source_fixture.h"

namespace pathline::data {
namespace {

/// Ten vectors of one number; number 4 cannot be fetched.
class TenSamples : public SampleSource {
 public:
  TenSamples() {
    facts_.count = 10;
    facts_.shape = SampleShape::vector(1);
    facts_.dtype = "float32";
    facts_.fingerprint = "ten";
  }
  const SourceFacts& facts() const override { return facts_; }
  std::string sample_name(std::uint64_t number) const override { return "sample " + std::to_string(number); }
  void fetch(std::uint64_t number, std::vector<std::byte>& raw) override {
    if (number == 4) throw BadSample("cannot be fetched");
    raw.assign(number + 1, std::byte{1});
  }
  void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const override {
    if (raw.size() != number + 1) throw std::logic_error("not what was fetched");
    out.values.assign(4, std::byte{0});
    out.label = -1;
  }

 private:
  SourceFacts facts_;
};

/// An array in memory that is read front to back.
template <typename T>
class MemoryArray : public NumberArray {
 public:
  MemoryArray(NumberType type, std::vector<std::uint64_t> dims, std::vector<T> values) : values_(std::move(values)) {
    facts_.type = type;
    facts_.dims = std::move(dims);
    facts_.place = "memory";
    facts_.fingerprint = "values";
  }
  const NumberArrayFacts& facts() const noexcept override { return facts_; }
  void read(std::uint64_t first, std::uint64_t count, void* out) override {
    if (first < next_) throw std::logic_error("read backwards");
    next_ = first + count;
    const std::size_t each = values_.size() / facts_.dims[0];
    std::memcpy(out, values_.data() + first * each, count * each * sizeof(T));
  }

 private:
  NumberArrayFacts facts_;
  std::vector<T> values_;
  std::uint64_t next_ = 0;
};

template <typename T>
NamedArray array(const std::string& name, NumberType type, std::vector<std::uint64_t> dims, std::vector<T> values) {
  return {name, std::make_unique<MemoryArray<T>>(type, std::move(dims), std::move(values))};
}

template <typename... Arrays>
ConditionedSource source_with(Arrays... arrays) {
  std::vector<NamedArray> conditions;
  (conditions.push_back(std::move(arrays)), ...);
  return ConditionedSource(std::make_unique<TenSamples>(), std::move(conditions));
}

template <typename T>
std::vector<T> condition_of(SampleSource& source, std::uint64_t number, std::size_t index) {
  const std::vector<std::byte> value = read_sample(source, number).conditions.at(index);
  std::vector<T> numbers(value.size() / sizeof(T));
  std::memcpy(numbers.data(), value.data(), value.size());
  return numbers;
}

std::vector<float> counted(std::size_t count, float factor = 1) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = factor * static_cast<float>(i);
  return values;
}

TEST(ConditionedSource, FloatRowsAreVectors) {
  ConditionedSource source = source_with(array("params", NumberType::float32, {10, 3}, counted(30, 0.5f)));

  const ConditionArray& condition = source.facts().conditions.at(0);
  EXPECT_EQ(condition.field, (ConditionField{"params", ConditionField::Kind::vector, 0, {3}, false}));
  EXPECT_EQ(condition.dtype, "float32");
  EXPECT_EQ(condition_of<float>(source, 0, 0), (std::vector<float>{0, 0.5f, 1}));
  EXPECT_EQ(condition_of<float>(source, 9, 0), (std::vector<float>{13.5f, 14, 14.5f}));
}

TEST(ConditionedSource, OneFloatEachIsAVectorOfOneNumber) {
  ConditionedSource source = source_with(array("redshift", NumberType::float32, {10}, counted(10)));

  EXPECT_EQ(source.facts().conditions.at(0).field.sizes, std::vector<std::int64_t>{1});
  EXPECT_EQ(condition_of<float>(source, 7, 0), std::vector<float>{7});
}

TEST(ConditionedSource, IntegerRowsAreVectorsOfFloats) {
  const std::vector<std::int16_t> flags = {0, 1, 1, 0, -1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1};
  ConditionedSource source = source_with(array("flags", NumberType::int16, {10, 2}, flags));

  EXPECT_EQ(source.facts().conditions.at(0).dtype, "float32");
  EXPECT_EQ(condition_of<float>(source, 2, 0), (std::vector<float>{-1, 1}));
}

TEST(ConditionedSource, OneIntegerEachIsALabel) {
  const std::vector<std::int32_t> labels = {0, 3, 1, 0, 2, 2, 1, 3, 3, 0};
  for (const std::vector<std::uint64_t>& dims : {std::vector<std::uint64_t>{10}, {10, 1}, {10, 1, 1}}) {
    ConditionedSource source = source_with(array("sort", NumberType::int32, dims, labels));

    const ConditionArray& condition = source.facts().conditions.at(0);
    EXPECT_EQ(condition.field, (ConditionField{"sort", ConditionField::Kind::label, 4, {}, false}));
    EXPECT_EQ(condition.dtype, "int64");
    EXPECT_EQ(condition_of<std::int64_t>(source, 7, 0), std::vector<std::int64_t>{3});
  }
}

TEST(ConditionedSource, MoreDimensionsAreATensorAndBytesStayBytes) {
  std::vector<std::uint8_t> bytes(10 * 2 * 3);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  ConditionedSource source = source_with(array("view", NumberType::uint8, {10, 2, 3}, bytes),
                                         array("field", NumberType::float32, {10, 1, 2, 2}, counted(40)));

  EXPECT_EQ(source.facts().conditions.at(0).field,
            (ConditionField{"view", ConditionField::Kind::tensor, 0, {2, 3}, false}));
  EXPECT_EQ(source.facts().conditions.at(0).dtype, "uint8");
  EXPECT_EQ(source.facts().conditions.at(1).dtype, "float32");
  const std::vector<std::byte> view = read_sample(source, 3).conditions.at(0);
  EXPECT_EQ(view.size(), 6u);
  EXPECT_EQ(view[0], std::byte{18});
  EXPECT_EQ(condition_of<float>(source, 5, 1), (std::vector<float>{20, 21, 22, 23}));
}

TEST(ConditionedSource, EachSampleKeepsItsOwnWhereOthersCannotBeUsed) {
  ConditionedSource source = source_with(array("a", NumberType::float32, {10, 1}, counted(10)),
                                         array("b", NumberType::float64, {10, 1}, std::vector<double>(10, 2.5)));

  for (std::uint64_t number = 0; number < 10; ++number) {
    if (number == 4) {
      expect_bad(source, 4, "cannot be fetched");
      continue;
    }
    const ConditionValues values = read_sample(source, number).conditions;
    float a, b;
    std::memcpy(&a, values.at(0).data(), sizeof a);
    std::memcpy(&b, values.at(1).data(), sizeof b);
    EXPECT_EQ(a, static_cast<float>(number));
    EXPECT_EQ(b, 2.5f);
  }
}

TEST(ConditionedSource, SaysWhatCannotBeStored) {
  const auto with = [](NumberType type, auto values) {
    return source_with(array("field", type, {10, 2, 2}, std::move(values)));
  };
  std::vector<double> numbers(40, 1);
  numbers[4 * 3 + 1] = NAN;
  numbers[4 * 5 + 2] = 1e300;
  std::vector<std::int64_t> integers(40, 1);
  integers[4 * 3 + 3] = -16777217;
  integers[4 * 5] = INT64_MIN;
  integers[4 * 6] = 16777216;
  ConditionedSource of_numbers = with(NumberType::float64, numbers);
  ConditionedSource of_integers = with(NumberType::int64, integers);

  expect_bad(of_numbers, 3, "condition field: nan at [0, 1]: not a finite number");
  expect_bad(of_numbers, 5, "condition field: 1e+300 at [1, 0]: too large for float32");
  expect_bad(of_integers, 3, "at [1, 1]: float32 holds integers up to 16777216 only");
  expect_bad(of_integers, 5, "at [0, 0]: float32 holds integers up to 16777216 only");
  EXPECT_EQ(condition_of<float>(of_integers, 6, 0)[0], 16777216.0f);
}

TEST(ConditionedSource, RefusesArraysThatDoNotFitTheSamples) {
  const auto refused = [](const std::string& words, NumberType type, std::vector<std::uint64_t> dims, auto values) {
    expect_error(ExitCode::bad_input, {"memory", words},
                 [&] { source_with(array("c", type, std::move(dims), std::move(values))); });
  };
  refused("condition c: expected one value for each of the 10 samples, found an array of dimensions [9, 2]",
          NumberType::float32, {9, 2}, counted(18));
  refused("found an array of dimensions []", NumberType::float32, {}, counted(1));
  refused("condition c: -1 is no class; expected 0 to 999999", NumberType::int32, {10},
          std::vector<std::int32_t>{0, 1, -1, 0, 0, 0, 0, 0, 0, 0});
  refused("condition c: 1000000 is no class", NumberType::int32, {10},
          std::vector<std::int32_t>{0, 1, 1000000, 0, 0, 0, 0, 0, 0, 0});
  refused("at most 1 GiB", NumberType::float32, {10, 65536, 65536}, counted(10));
}

TEST(ConditionedSource, ItsFingerprintIsThatOfAll) {
  ConditionedSource source = source_with(array("a", NumberType::float32, {10, 1}, counted(10)));

  EXPECT_EQ(source.facts().fingerprint, "ten, values");
}

}  // namespace
}  // namespace pathline::data
