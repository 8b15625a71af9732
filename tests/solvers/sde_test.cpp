// Stochastic sampling: where the noise comes from, and that the stochastic equation has the distribution of the flow.

#include <numeric>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

IntegrateOptions keyed(std::int64_t steps, std::vector<std::uint64_t> samples) {
  IntegrateOptions options = uniform(steps);
  options.noise = NoiseKeys{42, std::move(samples)};
  return options;
}

IntegrateOptions stochastic(std::int64_t steps, std::vector<std::uint64_t> samples, double strength = 1) {
  IntegrateOptions options = keyed(steps, std::move(samples));
  options.parameters = {{"strength", strength}};
  return options;
}

std::vector<std::uint64_t> ids(std::int64_t count) {
  std::vector<std::uint64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/// Brings draw number 5 of the noise into y.
pathline_status take_noise(void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
  const auto* const noise = static_cast<const pathline_noise*>(host->get_extension(host, PATHLINE_NOISE_EXTENSION));
  if (!noise) return PATHLINE_FAILED;
  const pathline_status status = noise->normal(host, 5, y);
  return status ? status : host->step_done(host, problem->t[problem->steps], 1, 0, 1, y);
}

const VelocityField nothing = field_of([](double, const at::Tensor& y) { return at::zeros_like(y); });

TEST(Noise, IsTheStreamOfItsSeedDrawAndSample) {
  at::Tensor y = at::zeros({2, 3, 4}, at::kDouble), single = at::zeros({2, 3, 4});

  integrate(*solver_of(take_noise, PATHLINE_STOCHASTIC), y, nothing, keyed(1, {1000, 7}));
  integrate(*solver_of(take_noise, PATHLINE_STOCHASTIC), single, nothing, keyed(1, {1000, 7}));

  std::vector<double> expected(12);
  RandomStream(42, Purpose::solver_noise, 5, 7).fill_normal(std::span<double>(expected));
  EXPECT_TRUE(at::equal(y[1].flatten(), at::tensor(expected, at::kDouble)));
  EXPECT_TRUE(at::equal(single, y.to(at::kFloat)));
}

TEST(Noise, AStochasticSolverMustKnowItsSamples) {
  const auto solver = find_solver("sde");
  IntegrateOptions none = uniform(4), too_few = stochastic(4, {1, 2});
  at::Tensor y = at::zeros({3, 1});

  EXPECT_THROW(integrate(*solver, y, nothing, none), Error);
  EXPECT_THROW(integrate(*solver, y, nothing, too_few), Error);
}

TEST(Noise, ADrawBeyondTheLastIsAHostError) {
  const auto greedy = solver_of(
      [](void*, const pathline_host* host, const pathline_problem*, pathline_vector* y) {
        const auto* const noise =
            static_cast<const pathline_noise*>(host->get_extension(host, PATHLINE_NOISE_EXTENSION));
        return noise->normal(host, std::uint64_t{1} << 24, y);
      },
      PATHLINE_STOCHASTIC);
  at::Tensor y = at::zeros({1, 1});

  EXPECT_EQ(integrate(*greedy, y, nothing, keyed(1, {0})).status, Status::host_error);
}

TEST(Sde, WithoutStrengthTheyAreEulerAndHeunBitForBit) {
  for (const auto& [stochastic_name, name] : {std::pair{"sde", "euler"}, {"sde-heun", "heun"}}) {
    at::Tensor y = mixture_start().to(at::kFloat), expected = y.clone();

    const IntegrateResult result =
        integrate(*find_solver(stochastic_name), y, Mixture::field, stochastic(9, ids(4096), 0));
    const IntegrateResult plain = integrate(*find_solver(name), expected, Mixture::field, uniform(9));

    EXPECT_EQ(result.evaluations, plain.evaluations);
    EXPECT_TRUE(at::equal(y, expected)) << name;
  }
}

TEST(Sde, ASampleEndsInTheSameBitsAloneAndAnywhereInABatch) {
  const at::Tensor start = mixture_start().to(at::kFloat).reshape({64, 64});
  for (const std::string name : {"sde", "sde-heun"}) {
    at::Tensor batch = start.clone(), moved = at::roll(start, 3, 0), alone = start.slice(0, 17, 18).clone();
    std::vector<std::uint64_t> moved_ids = ids(64);
    std::rotate(moved_ids.rbegin(), moved_ids.rbegin() + 3, moved_ids.rend());

    integrate(*find_solver(name), batch, Mixture::field, stochastic(8, ids(64)));
    integrate(*find_solver(name), moved, Mixture::field, stochastic(8, moved_ids));
    integrate(*find_solver(name), alone, Mixture::field, stochastic(8, {17}));

    EXPECT_TRUE(at::equal(at::roll(batch, 3, 0), moved)) << name;
    EXPECT_TRUE(at::equal(batch.slice(0, 17, 18), alone)) << name;
  }
}

TEST(Sde, AnotherSeedGivesAnotherEnd) {
  at::Tensor a = at::zeros({8, 4}), b = a.clone();
  IntegrateOptions other = stochastic(8, ids(8));
  other.noise->seed = 43;

  integrate(*find_solver("sde"), a, Mixture::field, stochastic(8, ids(8)));
  integrate(*find_solver("sde"), b, Mixture::field, other);

  EXPECT_GT((a - b).abs().min().item<double>(), 0);
}

TEST(Sde, OutsideTheLinearPathItRefuses) {
  at::Tensor y = at::zeros({1, 1});
  IntegrateOptions options = stochastic(1, {0});
  options.grid = {0, 2};

  const IntegrateResult result = integrate(*find_solver("sde"), y, nothing, options);

  EXPECT_EQ(result.status, Status::failed);
  EXPECT_NE(result.message.find("linear path"), std::string::npos) << result.message;
}

/// 16,384 ends from all normal quantiles, each used four times with other noise.
at::Tensor ends(const std::string& name, std::int64_t steps, double strength) {
  at::Tensor y = mixture_start().repeat({4}).unsqueeze(1).contiguous();
  const IntegrateResult result =
      integrate(*find_solver(name), y, Mixture::field, stochastic(steps, ids(y.size(0)), strength));
  EXPECT_EQ(result.status, Status::done) << result.message;
  return y.flatten();
}

TEST(Sde, TheEndsAreDistributedAsTheFlows) {
  constexpr double mean = 0.2, variance = 1.488;  // of 0.4 N(-1, 0.6^2) + 0.6 N(1, 0.8^2)
  for (const auto& [name, steps] : {std::pair{"sde", 100}, {"sde-heun", 32}}) {
    const at::Tensor y = ends(name, steps, 1);

    const double root = std::sqrt(static_cast<double>(y.numel()));
    EXPECT_NEAR(y.mean().item<double>(), mean, 4 * std::sqrt(variance) / root) << name;
    EXPECT_NEAR(y.std().item<double>(), std::sqrt(variance), 0.03) << name;
    for (const double p : {0.05, 0.25, 0.5, 0.75, 0.95}) {
      const double quantile = Mixture::inverse(Mixture::cdf, p);
      const double below = (y < quantile).to(at::kDouble).mean().item<double>();
      EXPECT_NEAR(below, p, 4 * std::sqrt(p * (1 - p)) / root) << name << " at quantile " << p;
    }
  }
}

TEST(Sde, TheNoiseDecouplesTheEndFromTheStart) {
  const at::Tensor start = mixture_start().repeat({4});
  const auto correlation = [&](const at::Tensor& y) {
    return ((start - start.mean()) * (y - y.mean())).mean().item<double>() /
           (start.std().item<double>() * y.std().item<double>());
  };

  const double flow = correlation(ends("sde", 32, 0)), noisy = correlation(ends("sde", 32, 4));

  EXPECT_GT(flow, 0.97);
  EXPECT_LT(noisy, 0.5);
}

/// In the field of a Gaussian everything is linear, so that mean and variance of the numerical ends follow recursions
/// of a few numbers; the second-order method comes closer to the exact variance by the square of the number of steps.
TEST(Sde, HeunsVarianceConvergesWithTheSquareOfTheSteps) {
  constexpr double sigma = 0.5, strength = 1;
  const auto slope = [&](double t) {  // v = slope(t) x for data N(0, sigma^2)
    return (t * sigma * sigma - (1 - t)) / ((1 - t) * (1 - t) + t * t * sigma * sigma);
  };
  const auto drift = [&](double t) { return (1 + strength * t) * slope(t) - strength; };
  const auto numerical_variance = [&](int steps) {
    double variance = 1;
    for (int i = 0; i < steps; ++i) {
      const double t = i / static_cast<double>(steps), u = (i + 1) / static_cast<double>(steps), h = u - t;
      const double factor = 1 + h / 2 * (drift(t) + drift(u) * (1 + h * drift(t)));
      const double noise = 1 + h / 2 * drift(u);
      variance = factor * factor * variance + noise * noise * strength * h * (2 - t - u);
    }
    return variance;
  };

  // The recursion is that of the plugin: one sample shows its two factors.
  const VelocityField field = field_of([&](double t, const at::Tensor& y) { return slope(t) * y; });
  at::Tensor y = at::ones({1, 1}, at::kDouble);
  IntegrateOptions options = stochastic(1, {3}, strength);
  options.grid = {0.25, 0.5};
  integrate(*find_solver("sde-heun"), y, field, options);
  double normal = 0;
  RandomStream(42, Purpose::solver_noise, 0, 3).fill_normal(std::span<double>(&normal, 1));
  const double h = 0.25, noise = std::sqrt(strength * h * (2 - 0.25 - 0.5)) * normal;
  const double predicted = 1 + h * drift(0.25) + noise;
  EXPECT_NEAR(y.item<double>(), 1 + h / 2 * (drift(0.25) + drift(0.5) * predicted) + noise, 1e-14);

  const double coarse = std::fabs(numerical_variance(64) - sigma * sigma);
  const double fine = std::fabs(numerical_variance(128) - sigma * sigma);
  EXPECT_NEAR(std::log2(coarse / fine), 2, 0.1);
}

}  // namespace
}  // namespace pathline::solvers::test
