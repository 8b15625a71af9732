#include "flow/fields/mixture_field.h"

#include <cmath>
#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/fields/normal.h"

namespace pathline::flow {
namespace {

const std::filesystem::path fields = std::filesystem::path(PATHLINE_SOURCE_DIR) / "configs/fields";

MixtureField field(const char* name) {
  return MixtureField::from_ini(fields / (std::string(name) + ".ini"));
}

/// The velocity as the ratio of two expectations over x1, E[u p(x | x1)] / E[p(x | x1)], by quadrature: no formula
/// shared.
double velocity_by_quadrature(const MixtureField& f, double t, double x) {
  double numerator = 0, denominator = 0;
  for (double x1 = -12; x1 <= 12; x1 += 1e-3) {
    const double x0 = (x - t * x1) / (1 - t);  // the noise that passes through x on its way to x1
    const double weight = f.density(x1) * std::exp(-0.5 * x0 * x0);
    numerator += weight * (x1 - x0);
    denominator += weight;
  }
  return numerator / denominator;
}

class Mixture : public testing::TestWithParam<const char*> {};

TEST_P(Mixture, VelocityIsTheConditionalMeanOfDataMinusNoise) {
  const MixtureField f = field(GetParam());

  for (const double t : {0.0, 0.3, 0.7, 0.95}) {
    for (const double x : {-2.5, -0.4, 0.0, 0.6, 1.7}) {
      const double v = f.velocity(t, at::full({1}, x, at::kDouble)).item<double>();
      EXPECT_NEAR(v, velocity_by_quadrature(f, t, x), 1e-7) << "t " << t << " x " << x;
    }
  }
}

TEST_P(Mixture, EndpointSolvesTheQuantileEquationIntoTheTails) {
  const MixtureField f = field(GetParam());

  for (double x0 = -8; x0 <= 0; x0 += 0.01) {
    const double goal = normal_cdf(x0);
    EXPECT_NEAR(f.cdf(f.exact_endpoint(x0)) / goal, 1, 1e-12) << x0;
  }
}

TEST_P(Mixture, EndpointGrowsWithTheStart) {
  const MixtureField f = field(GetParam());

  double previous = f.exact_endpoint(-9.001);
  for (double x0 = -9; x0 <= 9; x0 += 0.01) {
    const double end = f.exact_endpoint(x0);
    EXPECT_GT(end, previous) << x0;
    previous = end;
  }
}

TEST_P(Mixture, IntegratingTheVelocityLeadsToTheEndpoint) {
  const MixtureField f = field(GetParam());
  const at::Tensor x0 = at::linspace(-3, 3, 64, at::kDouble);
  const int steps = 2000;

  at::Tensor x = x0;  // the classical fourth-order Runge-Kutta method
  for (int i = 0; i < steps; ++i) {
    const double t = static_cast<double>(i) / steps, h = 1.0 / steps;
    const at::Tensor k1 = f.velocity(t, x), k2 = f.velocity(t + h / 2, x + h / 2 * k1);
    const at::Tensor k3 = f.velocity(t + h / 2, x + h / 2 * k2), k4 = f.velocity(t + h, x + h * k3);
    x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }

  EXPECT_LT((x - f.exact_endpoint(x0)).abs().max().item<double>(), 1e-8);
}

INSTANTIATE_TEST_SUITE_P(Fields, Mixture, testing::Values("smooth", "hard"),
                         [](const auto& test) { return std::string(test.param); });

TEST(MixtureField, OneGaussianEndsAtMeanPlusSigmaTimesStart) {
  const MixtureField f({1.0}, {0.7}, {0.3}, {1, 1, 1});

  EXPECT_DOUBLE_EQ(f.exact_endpoint(1.5), 0.7 + 0.3 * 1.5);
}

TEST(MixtureField, UpperTailIsTheMirrorImageOfTheLower) {
  const MixtureField f({0.3, 0.7}, {-2, 1.5}, {0.3, 0.5}, {1, 1, 1});
  const MixtureField mirror({0.3, 0.7}, {2, -1.5}, {0.3, 0.5}, {1, 1, 1});

  for (const double x0 : {0.1, 1.0, 5.0, 8.0})
    EXPECT_DOUBLE_EQ(f.exact_endpoint(x0), -mirror.exact_endpoint(-x0)) << x0;
}

TEST(MixtureField, KeepsTypeAndShape) {
  const MixtureField f = field("smooth");
  const at::Tensor x = at::randn({2, 1, 28, 28});

  const at::Tensor v = f.velocity(0.4, x), end = f.exact_endpoint(x);

  EXPECT_EQ(v.scalar_type(), at::kFloat);
  EXPECT_EQ(v.sizes(), x.sizes());
  EXPECT_EQ(end.scalar_type(), at::kFloat);
  EXPECT_LT((v - f.velocity(0.4, x.to(at::kDouble))).abs().max().item<double>(), 1e-5);
}

TEST(MixtureField, NanStaysNan) {
  const MixtureField f = field("smooth");

  EXPECT_TRUE(std::isnan(f.exact_endpoint(NAN)));
  EXPECT_TRUE(at::isnan(f.velocity(0.5, at::full({1}, NAN))).item<bool>());
}

struct BadField {
  const char* name;
  const char* text;
  const char* expected;
};

class BadFields : public testing::TestWithParam<BadField> {};

TEST_P(BadFields, AreRefusedWithTheReason) {
  const auto file = std::filesystem::path(testing::TempDir()) / (std::string("field_") + GetParam().name + ".ini");
  std::ofstream(file) << "[mixture]\n" << GetParam().text;

  try {
    MixtureField::from_ini(file);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find(GetParam().expected), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(file.filename().string()), std::string::npos) << error.what();
  }
  std::filesystem::remove(file);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadFields,
    testing::Values(BadField{"counts", "weights = 0.4,0.6\nmeans = 1\nsigmas = 1,1\n", "found 2, 1 and 2"},
                    BadField{"sum", "weights = 0.4,0.7\nmeans = 1,2\nsigmas = 1,1\n", "sum to 1"},
                    BadField{"sigma", "weights = 0.4,0.6\nmeans = 1,2\nsigmas = 1,0\n", "positive sigmas"},
                    BadField{"weight", "weights = -0.4,1.4\nmeans = 1,2\nsigmas = 1,1\n", "positive weights"},
                    BadField{"word", "weights = 0.4,x\nmeans = 1,2\nsigmas = 1,1\n", "mixture.weights"},
                    BadField{"shape", "weights = 1\nmeans = 1\nsigmas = 1\nshape = 28,28\n", "C,H,W"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(MixtureFieldFile, MissingKeyIsNamed) {
  const auto file = std::filesystem::path(testing::TempDir()) / "field_missing.ini";
  std::ofstream(file) << "[mixture]\nweights = 1\nmeans = 1\n";

  try {
    MixtureField::from_ini(file);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("mixture.sigmas"), std::string::npos) << error.what();
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace pathline::flow
