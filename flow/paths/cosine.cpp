// The cosine path, alpha = sin(pi t / 2), sigma = cos(pi t / 2): alpha^2 + sigma^2 = 1, so that data of unit variance
// keep it all along the way (Nichol & Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, without
// their offset; Albergo & Vanden-Eijnden, "Building Normalizing Flows with Stochastic Interpolants", 2023, call it
// trigonometric; SiT calls it GVP).

#include <ATen/ATen.h>

#include "flow/paths/path_point.h"

namespace pathline::flow::paths {
namespace {

constexpr double kHalfPi = 1.57079632679489661923;

class Cosine final : public Path {
 public:
  std::string text() const override { return "cosine"; }

  PathCoefficients coefficients(const at::Tensor& t) const override {
    // As a sine of 1 - t, sigma is 0 at t = 1 to the last bit, and never below.
    const at::Tensor alpha = at::sin(t * kHalfPi), sigma = at::sin((1 - t) * kHalfPi);
    return {alpha, sigma, sigma * kHalfPi, alpha * -kHalfPi};
  }
};

}  // namespace

MethodEntry<Path> cosine() {
  return {"cosine", "", "x_t = cos(pi t / 2) x0 + sin(pi t / 2) x1, of constant variance",
          [](const MethodArguments& arguments) -> std::shared_ptr<const Path> {
            arguments.expect_none();
            return std::make_shared<Cosine>();
          }};
}

}  // namespace pathline::flow::paths
