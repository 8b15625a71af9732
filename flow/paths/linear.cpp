// The straight ("linear", conditional optimal transport) path: x_t = (1 - t) x0 + t x1, with the constant velocity
// x1 - x0 (Lipman et al., "Flow Matching for Generative Modeling", 2023, with sigma_min = 0; Liu et al., "Flow Straight
// and Fast", 2022).

#include <ATen/ATen.h>

#include "flow/paths/path_point.h"

namespace pathline::flow::paths {
namespace {

class Linear final : public Path {
 public:
  std::string text() const override { return "linear"; }

  PathCoefficients coefficients(const at::Tensor& t) const override {
    return {t, 1 - t, at::ones_like(t), at::full_like(t, -1)};
  }

 protected:
  /// lerp gives both ends exactly.
  std::pair<at::Tensor, at::Tensor> interpolate(const at::Tensor& x0, const at::Tensor& x1,
                                                const at::Tensor& t) const override {
    return {at::lerp(x0, x1, t), x1 - x0};
  }
};

}  // namespace

MethodEntry<Path> linear() {
  return {"linear", "", "x_t = (1 - t) x0 + t x1, straight lines",
          [](const MethodArguments& arguments) -> std::shared_ptr<const Path> {
            arguments.expect_none();
            return std::make_shared<Linear>();
          }};
}

}  // namespace pathline::flow::paths
