#pragma once
// The numbers that arrays of others are made of, as they lie in their files (little-endian). Thread-safety: pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace pathline::data {

enum class NumberType { uint8, float16, float32, float64, int8, uint16, int16, uint32, int32, uint64, int64 };

std::size_t bytes_of(NumberType type);
bool is_float(NumberType type);
/// "uint8", "float16" …: as NumPy and HDF5's readers call them.
const char* to_string(NumberType type);
std::optional<NumberType> number_type_named(const std::string& name);

/// Number `index` of those that begin at `values`. Integers beyond 2^53 are rounded.
double number_at(const std::byte* values, std::size_t index, NumberType type);
/// The same of an integer type; unsigned numbers beyond INT64_MAX become that. REQUIRES: !is_float(type).
std::int64_t integer_at(const std::byte* values, std::size_t index, NumberType type);

}  // namespace pathline::data
