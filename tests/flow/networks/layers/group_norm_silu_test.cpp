// The fused kernel against plain ATen operations, in float64 where a true value is needed.

#include "flow/networks/layers/group_norm_silu.h"

#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace pathline::flow {
namespace {

constexpr std::int64_t groups = 32;

struct Case {
  std::string name;
  std::int64_t channels_a, channels_b, height, width;
  bool pre_add, scale_shift, silu;
  double condition = 1;  ///< how much the problem itself magnifies rounding errors
};

/// Leaves of one problem in one dtype; undefined where the case has none.
struct Problem {
  at::Tensor a, b, weight, bias, pre_add, scale, shift;
  at::Tensor y_direction, x_direction;  // what y and x are multiplied with to make a scalar

  std::vector<at::Tensor> leaves() const {
    std::vector<at::Tensor> defined;
    for (const auto* tensor : {&a, &b, &weight, &bias, &pre_add, &scale, &shift}) {
      if (tensor->defined()) defined.push_back(*tensor);
    }
    return defined;
  }
  Problem to(at::ScalarType activations, at::ScalarType parameters) const {
    const auto convert = [](const at::Tensor& from, at::ScalarType dtype, bool leaf) {
      return from.defined() ? from.detach().to(dtype).clone().set_requires_grad(leaf) : from;
    };
    return {convert(a, activations, true),           convert(b, activations, true),
            convert(weight, parameters, true),       convert(bias, parameters, true),
            convert(pre_add, parameters, true),      convert(scale, parameters, true),
            convert(shift, parameters, true),        convert(y_direction, activations, false),
            convert(x_direction, activations, false)};
  }
};

Problem make_problem(const Case& c, std::uint64_t seed) {
  at::manual_seed(seed);
  const std::int64_t batch = 3, channels = c.channels_a + c.channels_b;
  const auto image = [&](std::int64_t count) {
    // A mean far from 0 and channels of different spread: sums of squares would cancel here.
    return (at::randn({batch, count, c.height, c.width}) * at::linspace(0.2, 3, count).view({1, -1, 1, 1}) + 4)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  const auto condition = [&](bool present) { return present ? at::randn({batch, channels}) : at::Tensor(); };
  return {image(c.channels_a),
          c.channels_b > 0 ? image(c.channels_b) : at::Tensor(),
          at::randn({channels}),
          at::randn({channels}),
          condition(c.pre_add),
          condition(c.scale_shift),
          condition(c.scale_shift),
          at::randn({batch, channels, c.height, c.width}),
          at::randn({batch, channels, c.height, c.width})};
}

struct Outcome {
  at::Tensor y, x;
  std::vector<at::Tensor> gradients;
};

template <class Function>
Outcome run(const Problem& p, bool silu, Function function) {
  const auto result = function(p.a, p.b, p.weight, p.bias, groups, NormModulation{p.pre_add, p.scale, p.shift},
                               silu ? Activation::silu : Activation::none);
  const at::Tensor scalar = (result.y * p.y_direction).sum() + (result.x * p.x_direction).sum();
  return {result.y.detach(), result.x.detach(), torch::autograd::grad({scalar}, p.leaves())};
}

double relative_error(const at::Tensor& found, const at::Tensor& truth) {
  return ((found.to(at::kDouble) - truth).norm() / truth.norm()).item<double>();
}

class FusedNorm : public testing::TestWithParam<Case> {
 protected:
  const Problem problem = make_problem(GetParam(), 5);
};

TEST_P(FusedNorm, Float32AgreesWithFloat64ForwardAndBackward) {
  const Outcome truth = run(problem.to(at::kDouble, at::kDouble), GetParam().silu, group_norm_silu_reference);

  const Outcome found = run(problem.to(at::kFloat, at::kFloat), GetParam().silu, group_norm_silu);

  EXPECT_LT(relative_error(found.y, truth.y), 2e-6 * GetParam().condition);
  EXPECT_TRUE(at::equal(found.x.to(at::kDouble), truth.x.to(at::kFloat).to(at::kDouble)));
  ASSERT_EQ(found.gradients.size(), truth.gradients.size());
  for (std::size_t i = 0; i < truth.gradients.size(); ++i) {
    EXPECT_LT(relative_error(found.gradients[i], truth.gradients[i]), 2e-5 * GetParam().condition) << "leaf " << i;
  }
}

TEST_P(FusedNorm, Bfloat16RoundsOnlyInputsAndResults) {
  // Truth for the same rounded inputs.
  const Problem rounded = problem.to(at::kBFloat16, at::kFloat);
  const Outcome truth = run(rounded.to(at::kDouble, at::kDouble), GetParam().silu, group_norm_silu_reference);

  const Outcome found = run(rounded, GetParam().silu, group_norm_silu);

  EXPECT_EQ(found.y.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(found.y, truth.y), 1.0 / 256);  // half a unit of the 8-bit mantissa is 1/512
  for (std::size_t i = 0; i < truth.gradients.size(); ++i) {
    EXPECT_LT(relative_error(found.gradients[i], truth.gradients[i]), 1.0 / 256) << "leaf " << i;
  }
}

TEST_P(FusedNorm, BitsDoNotDependOnTheNumberOfThreads) {
  const Problem p = problem.to(at::kFloat, at::kFloat);
  const int threads = at::get_num_threads();

  at::set_num_threads(1);
  const Outcome one = run(p, GetParam().silu, group_norm_silu);
  at::set_num_threads(3);
  const Outcome three = run(p, GetParam().silu, group_norm_silu);
  at::set_num_threads(threads);

  EXPECT_TRUE(at::equal(one.y, three.y));
  for (std::size_t i = 0; i < one.gradients.size(); ++i)
    EXPECT_TRUE(at::equal(one.gradients[i], three.gradients[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, FusedNorm,
    testing::Values(Case{"plain", 32, 0, 7, 7, false, false, true},
                    Case{"one_channel_per_group_added", 32, 0, 5, 3, false, true, true},
                    Case{"pre_add", 64, 0, 6, 6, true, false, true},
                    Case{"scale_shift", 64, 0, 6, 6, false, true, true}, Case{"all", 96, 0, 4, 5, true, true, true},
                    Case{"identity", 64, 0, 6, 6, false, false, false},
                    Case{"joined", 64, 32, 6, 6, false, false, true},  // a group spans both parts
                    Case{"joined_identity", 32, 96, 3, 3, true, false, false},
                    Case{"one_pixel", 64, 0, 1, 1, false, false, true, 10},  // a variance of two numbers
                    Case{"many_pixels", 32, 0, 40, 40, false, false, true}),
    [](const auto& test) { return test.param.name; });

TEST(FusedNormGradient, IsTheDerivativeOfTheForwardPass) {
  // float64 runs through ATen; its gradient is checked against central differences, and is the truth of the tests
  // above.
  const Case c{"", 32, 32, 2, 2, true, true, true};
  const Problem p = make_problem(c, 9).to(at::kDouble, at::kDouble);
  const auto scalar = [&] {
    const auto r = group_norm_silu(p.a, p.b, p.weight, p.bias, groups, {p.pre_add, p.scale, p.shift});
    return (r.y * p.y_direction).sum() + (r.x * p.x_direction).sum();
  };
  const auto leaves = p.leaves();
  const auto gradients = torch::autograd::grad({scalar()}, leaves);
  const at::NoGradGuard no_grad;

  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const at::Tensor direction = at::randn_like(leaves[i]), original = leaves[i].clone();
    const double expected = (gradients[i] * direction).sum().item<double>();
    leaves[i].copy_(original + 1e-5 * direction);
    const double above = scalar().item<double>();
    leaves[i].copy_(original - 1e-5 * direction);
    const double below = scalar().item<double>();
    leaves[i].copy_(original);
    EXPECT_NEAR((above - below) / 2e-5, expected, 1e-5 * (1 + std::abs(expected))) << "leaf " << i;
  }
}

TEST(FusedNormValues, NanAndInfinityAreNotHidden) {
  const Problem p = make_problem({"", 32, 0, 4, 4, false, false, true}, 3).to(at::kBFloat16, at::kFloat);
  const at::NoGradGuard no_grad;
  p.a[1][5][2][2] = NAN;

  const at::Tensor y = group_norm_silu(p.a, {}, p.weight, p.bias, groups).y;

  EXPECT_TRUE(at::isnan(y[1][5]).all().item<bool>());
  EXPECT_TRUE(at::isfinite(y[0]).all().item<bool>());
}

TEST(FusedNormValues, SaturatedActivationsStayFinite) {
  const at::Tensor a =
      at::tensor({-1.0f, 1.0f}).view({1, 1, 1, 2}).expand({1, 32, 1, 2}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor weight = at::full({32}, 1e4), bias = at::zeros({32});

  const at::Tensor y = group_norm_silu(a, {}, weight, bias, groups).y;

  EXPECT_NEAR(y[0][0][0][0].item<float>(), 0.0f, 1e-20f);
  EXPECT_NEAR(y[0][0][0][1].item<float>(), 1e4f, 0.1f);
}

TEST(FusedNormValues, OtherLayoutsGiveTheSameResult) {
  const Problem p = make_problem({"", 64, 0, 6, 6, false, false, true}, 4);

  const at::Tensor dense = group_norm_silu(p.a.contiguous(), {}, p.weight, p.bias, groups).y;
  const at::Tensor strided = group_norm_silu(p.a.repeat({1, 1, 1, 2}).slice(3, 0, 6), {}, p.weight, p.bias, groups).y;

  const at::Tensor expected = group_norm_silu(p.a, {}, p.weight, p.bias, groups).y;
  EXPECT_TRUE(at::equal(dense, expected));
  EXPECT_TRUE(at::equal(strided, expected));
}

}  // namespace
}  // namespace pathline::flow
