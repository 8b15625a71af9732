#pragma once
// What samples are conditioned on, as data sets, networks and samplers agree on it: a list of named fields, each a
// class label, a vector of numbers or a tensor. The values of a batch are flow::Condition. Thread-safety: plain values.

#include <cstdint>
#include <string>
#include <vector>

namespace pathline {

struct ConditionField {
  enum class Kind { label, vector, tensor };

  std::string name = "label";  ///< the one that /labels of the shards holds is called "label"
  Kind kind = Kind::label;
  std::int64_t classes = 0;         ///< of a label: its values are 0 … classes − 1
  std::vector<std::int64_t> sizes;  ///< of one sample's value: {D} of a vector, {C, H, W} and the like of a tensor
  /// The network knows "not given", too: the value `classes` of a label, zeros of a vector or tensor (classifier-free
  /// guidance).
  bool has_null = false;

  bool operator==(const ConditionField&) const = default;
};

/// Empty: unconditional.
using ConditionSpec = std::vector<ConditionField>;

}  // namespace pathline
