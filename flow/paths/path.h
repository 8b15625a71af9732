#pragma once
// Probability paths between noise (t = 0) and data (t = 1): x_t = alpha(t) x1 + sigma(t) x0. Docs: docs/method.md.
//
// Thread-safety: immutable. No LibTorch here: flow/paths/path_point.h has what is computed.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "flow/method_table.h"

namespace at {
class Tensor;
}

namespace pathline::flow {

struct PathCoefficients;
struct PathPoint;

class Path {
 public:
  virtual ~Path() = default;
  /// The word and arguments that make it: "linear".
  virtual std::string text() const = 0;
  /// alpha, sigma and their derivatives at `t`, of any shape, in its dtype, differentiable in it. Finite in all of
  /// [0, 1]: a path whose derivative is infinite at an end says how far inside it stops there.
  virtual PathCoefficients coefficients(const at::Tensor& t) const = 0;

  /// The point of each sample's path and the velocity there. x0 (noise), x1 (data) [B, …] of one shape and dtype, t
  /// [B].
  PathPoint point(const at::Tensor& x0, const at::Tensor& x1, const at::Tensor& t) const;

 protected:
  /// x_t and dx_t/dt, for `t` [B, 1, …] in x0's dtype. By default from the coefficients; x0's memory format is kept.
  virtual std::pair<at::Tensor, at::Tensor> interpolate(const at::Tensor& x0, const at::Tensor& x1,
                                                        const at::Tensor& t) const;
};

MethodTable<Path> path_table();

/// Throws Error(usage), without a place, for a text that names none.
std::shared_ptr<const Path> make_path(std::string_view text);

}  // namespace pathline::flow
