#pragma once
// What the targets of the converters share: reading a source as a conversion does.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "data/sources/sample_source.h"
#include "tests/fuzz/fuzz_input.h"

namespace pathline::fuzz {

/// The first samples, each of which may be refused by itself; what is accepted must be as the facts say.
inline void read_samples(data::SampleSource& source) {
  constexpr std::uint64_t enough = 32;
  const data::SourceFacts& facts = source.facts();
  if (facts.count == 0 || facts.shape.values() <= 0) __builtin_trap();
  const auto bytes = static_cast<std::size_t>(facts.shape.values()) * (facts.dtype == "uint8" ? 1 : sizeof(float));
  std::vector<std::byte> raw;
  for (std::uint64_t i = 0; i < std::min(facts.count, enough); ++i) {
    try {
      data::Sample sample;
      source.fetch(i, raw);
      source.decode(i, raw, sample);
      const auto classes = static_cast<std::int64_t>(facts.class_names.size());
      if (sample.values.size() != bytes || sample.label < -1 || sample.label >= classes) __builtin_trap();
    } catch (const data::BadSample& problem) {
      if (problem.message().empty() || source.sample_name(i).empty()) __builtin_trap();
    }
  }
}

}  // namespace pathline::fuzz
