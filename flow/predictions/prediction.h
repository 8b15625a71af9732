#pragma once
// What the output of a network means: the velocity of the flow, or something that a path turns into it. Docs:
// docs/method.md.
//
// Thread-safety: immutable. No LibTorch here.

#include <memory>
#include <string>
#include <string_view>

#include "flow/method_table.h"

namespace at {
class Tensor;
}

namespace pathline::flow {

class Path;
struct PathPoint;

class Prediction {
 public:
  virtual ~Prediction() = default;
  /// The word and arguments that make it: "velocity".
  virtual std::string text() const = 0;
  /// What the network should say at this point of the path, [B, …].
  virtual at::Tensor target(const PathPoint& point, const Path& path) const = 0;
  /// The velocity that `output` [B, …] at the states x [B, …] and times t [B] means; affine in the output, so that
  /// means and guidance may be formed before or after. Finite in all of [0, 1]: a prediction that has to divide by
  /// something that vanishes says what it divides by instead. May be `output` itself.
  virtual at::Tensor to_velocity(const at::Tensor& output, const at::Tensor& x, const at::Tensor& t,
                                 const Path& path) const = 0;
};

MethodTable<Prediction> prediction_table();

/// Throws Error(usage), without a place, for a text that names none.
std::shared_ptr<const Prediction> make_prediction(std::string_view text);

}  // namespace pathline::flow
