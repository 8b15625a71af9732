#include "data/sources/number_type.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace pathline::data {

namespace {

struct TypeFacts {
  const char* name;
  std::size_t bytes;
  bool is_float, is_signed;
};
/// In the order of NumberType.
constexpr std::array<TypeFacts, 11> known = {{{"uint8", 1, false, false},
                                              {"float16", 2, true, true},
                                              {"float32", 4, true, true},
                                              {"float64", 8, true, true},
                                              {"int8", 1, false, true},
                                              {"uint16", 2, false, false},
                                              {"int16", 2, false, true},
                                              {"uint32", 4, false, false},
                                              {"int32", 4, false, true},
                                              {"uint64", 8, false, false},
                                              {"int64", 8, false, true}}};

const TypeFacts& facts_of(NumberType type) {
  return known.at(static_cast<std::size_t>(type));
}

/// IEEE 754 binary16.
double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

std::size_t bytes_of(NumberType type) {
  return facts_of(type).bytes;
}

bool is_float(NumberType type) {
  return facts_of(type).is_float;
}

const char* to_string(NumberType type) {
  return facts_of(type).name;
}

std::optional<NumberType> number_type_named(const std::string& name) {
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (name == known[i].name) return static_cast<NumberType>(i);
  }
  return {};
}

double number_at(const std::byte* values, std::size_t index, NumberType type) {
  switch (type) {
    case NumberType::uint8:
      return static_cast<double>(values[index]);
    case NumberType::float16:
      return from_half(load<std::uint16_t>(values + 2 * index));
    case NumberType::float32:
      return load<float>(values + 4 * index);
    case NumberType::float64:
      return load<double>(values + 8 * index);
    default:
      return static_cast<double>(integer_at(values, index, type));
  }
}

std::int64_t integer_at(const std::byte* values, std::size_t index, NumberType type) {
  const TypeFacts& facts = facts_of(type);
  std::uint64_t value = 0;
  std::memcpy(&value, values + index * facts.bytes, facts.bytes);
  if (!facts.is_signed) return static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX));
  const auto unused_bits = static_cast<int>(64 - 8 * facts.bytes);
  return static_cast<std::int64_t>(value << unused_bits) >> unused_bits;
}

}  // namespace pathline::data
