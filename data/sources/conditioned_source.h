#pragma once
// A source whose samples come with conditions: the samples of another source, and for each of them a value of every
// array that is named here.
//
// What an array becomes, by its numbers and dimensions:
// - integers [N] (or [N, 1] and the like): a label, classes 0 … the largest there is;
// - floats [N] and floats or integers [N, D]: a vector of float32 (multi-hot attributes, parameters);
// - three dimensions or more: a tensor as it lies, uint8 as it is, other numbers as float32.
// A number that is not finite, or that float32 cannot hold (of integers: not exactly), is a BadSample that names it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/sources/number_array.h"
#include "data/sources/sample_source.h"

namespace pathline::data {

struct NamedArray {
  std::string name;  ///< of the condition
  std::unique_ptr<NumberArray> array;
};

class ConditionedSource : public SampleSource {
 public:
  /// Error(bad_input) at the array for one that has not one value per sample, or whose numbers or dimensions make no
  /// condition.
  ConditionedSource(std::unique_ptr<SampleSource> samples, std::vector<NamedArray> conditions);

  const SourceFacts& facts() const override { return facts_; }
  std::string sample_name(std::uint64_t number) const override { return samples_->sample_name(number); }
  void fetch(std::uint64_t number, std::vector<std::byte>& raw) override;
  void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const override;

 private:
  std::unique_ptr<SampleSource> samples_;
  std::vector<NamedArray> conditions_;
  std::vector<std::vector<std::int64_t>> labels_;  // of each condition; empty for those that are no labels
  std::size_t raw_bytes_ = 0;                      // of the values that are fetched beside each sample
  SourceFacts facts_;
};

}  // namespace pathline::data
