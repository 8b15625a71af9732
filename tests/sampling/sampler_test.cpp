#include "sampling/sampler.h"

#include <cmath>
#include <limits>
#include <set>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/tools/plugin_path.h"

namespace pathline::sampling {
namespace {

using test::contains;
using test::error_of;

const data::ImageShape tiny{1, 2, 2};

/// v(x, t) = slope, everywhere; turns NaN for given samples (known by their label) from a given time on.
class ConstantModel final : public VelocityModel {
 public:
  explicit ConstantModel(double slope, std::int64_t classes = 0)
      : VelocityModel(tiny, classes, at::kFloat, at::Device(at::kCPU), 1), slope_(slope) {}

  std::string path() const override { return path_name; }
  void velocity(double t, const at::Tensor& y, const at::Tensor& labels, at::Tensor& out) override {
    batches.insert(y.size(0));
    out.fill_(slope_);
    if (t >= bad_from && labels.defined()) out.masked_fill_((labels == bad_label).view({-1, 1, 1, 1}), std::nan(""));
  }

  std::pair<at::Tensor, double> pull_back(double, const at::Tensor& y, const at::Tensor&, const at::Tensor&) override {
    return {at::zeros_like(y), 0.0};
  }

  std::string path_name = "linear";
  double bad_from = 2;
  std::int64_t bad_label = -1;
  std::set<std::int64_t> batches;

 private:
  double slope_;
};

DrawRequest request_of(std::int64_t count, std::int64_t batch, std::int64_t steps) {
  DrawRequest request;
  request.count = count;
  request.batch = batch;
  request.noise = [](std::int64_t first, std::int64_t n) { return generation_noise(3, first, n, tiny, at::kFloat); };
  request.integrate.grid = solvers::make_grid("uniform", steps);
  return request;
}

TEST(GenerationNoise, BelongsToTheSampleNotToTheBatch) {
  const at::Tensor all = generation_noise(5, 0, 10, tiny, at::kFloat);

  const at::Tensor part = generation_noise(5, 7, 2, tiny, at::kFloat);

  EXPECT_TRUE(at::equal(part, all.narrow(0, 7, 2)));
}

TEST(GenerationNoise, DiffersBetweenSamplesAndSeeds) {
  const at::Tensor noise = generation_noise(5, 0, 2, tiny, at::kFloat);

  EXPECT_FALSE(at::equal(noise[0], noise[1]));
  EXPECT_FALSE(at::equal(noise, generation_noise(6, 0, 2, tiny, at::kFloat)));
}

TEST(GenerationNoise, SinglePrecisionIsDoubleRounded) {
  const at::Tensor fine = generation_noise(5, 0, 4, tiny, at::kDouble);

  EXPECT_TRUE(at::equal(fine.to(at::kFloat), generation_noise(5, 0, 4, tiny, at::kFloat)));
}

TEST(GenerationNoise, IsStandardNormal) {
  const at::Tensor noise = generation_noise(1, 0, 4000, {1, 5, 5}, at::kDouble);

  // 100,000 draws: the mean is within 0.016 and the variance within 0.022 at five standard deviations.
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.016);
  EXPECT_NEAR(noise.var().item<double>(), 1, 0.023);
}

TEST(ChooseLabels, CyclesThroughAllClassesByDefault) {
  EXPECT_EQ(choose_labels("", 5, 3, false), (std::vector<std::int64_t>{0, 1, 2, 0, 1}));
  EXPECT_EQ(choose_labels("all", 5, 3, false), (std::vector<std::int64_t>{0, 1, 2, 0, 1}));
}

TEST(ChooseLabels, TakesOneLabelOrAListInTurn) {
  EXPECT_EQ(choose_labels("2", 3, 3, false), (std::vector<std::int64_t>{2, 2, 2}));
  EXPECT_EQ(choose_labels("2,0", 3, 3, false), (std::vector<std::int64_t>{2, 0, 2}));
}

TEST(ChooseLabels, NoneIsTheNullClassWhereThereIsOne) {
  EXPECT_EQ(choose_labels("none", 2, 3, true), (std::vector<std::int64_t>{3, 3}));
  EXPECT_EQ(error_of([] { choose_labels("none", 2, 3, false); }).code(), ExitCode::usage);
}

TEST(ChooseLabels, RefusesWhatIsNoClass) {
  for (const char* text : {"3", "-1", "x", "0,,1", "0,", "1.5"}) {
    const Error error = error_of([&] { choose_labels(text, 2, 3, true); });

    EXPECT_EQ(error.code(), ExitCode::usage) << text;
    EXPECT_TRUE(contains(error.what(), "--label")) << text;
  }
}

TEST(ChooseLabels, UnconditionalModelTakesNone) {
  EXPECT_TRUE(choose_labels("", 2, 0, false).empty());
  EXPECT_EQ(error_of([] { choose_labels("0", 2, 0, false); }).code(), ExitCode::usage);
}

TEST(DrawSamples, AddsTheIntegralOfTheVelocityToTheNoise) {
  ConstantModel model(0.5);
  const auto solver = solvers::find_solver(test::plugin("heun"));

  const DrawResult result = draw_samples(model, *solver, request_of(5, 64, 4));

  const at::Tensor expected = generation_noise(3, 0, 5, tiny, at::kFloat) + 0.5;
  EXPECT_TRUE(result.done());
  EXPECT_TRUE(at::allclose(result.raw, expected, 0, 1e-6));
}

TEST(DrawSamples, RefusesASolverThatIsMadeForAnotherPath) {
  ConstantModel model(0.5);
  const auto solver = solvers::find_solver(test::plugin("sde") + "#sde");
  EXPECT_TRUE(draw_samples(model, *solver, request_of(2, 2, 2)).done());

  model.path_name = "cosine";
  const Error error = error_of([&] { draw_samples(model, *solver, request_of(2, 2, 2)); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "solver sde");
  EXPECT_TRUE(contains(error.message(), "made for the path linear, the model's is cosine"));
}

TEST(DrawSamples, CutsIntoFixedBatches) {
  ConstantModel model(0.5);
  const auto solver = solvers::find_solver(test::plugin("euler"));

  const DrawResult result = draw_samples(model, *solver, request_of(10, 4, 2));

  ASSERT_EQ(result.batches.size(), 3U);
  EXPECT_EQ(result.batches[2].samples, 2);
  EXPECT_EQ(model.batches, (std::set<std::int64_t>{2, 4}));
  EXPECT_EQ(result.evaluations(), 2);
  EXPECT_EQ(result.accepted(), 2);
}

TEST(DrawSamples, BatchSizeDoesNotChangeSamplesOfAPointwiseField) {
  ConstantModel model(0.5);
  const auto solver = solvers::find_solver(test::plugin("heun"));

  const DrawResult small = draw_samples(model, *solver, request_of(7, 2, 8));
  const DrawResult large = draw_samples(model, *solver, request_of(7, 64, 8));

  EXPECT_TRUE(at::equal(small.raw, large.raw));
}

TEST(DrawSamples, NamesTimeAndSamplesOfTheFirstNonFiniteVelocity) {
  ConstantModel model(1, 10);
  model.bad_from = 0.5;
  model.bad_label = 6;
  DrawRequest request = request_of(10, 5, 4);
  request.labels = choose_labels("", 10, 10, false);
  const auto solver = solvers::find_solver(test::plugin("euler"));

  const DrawResult result = draw_samples(model, *solver, request);

  EXPECT_FALSE(result.done());
  EXPECT_EQ(result.worst().batch, 1);
  EXPECT_EQ(result.worst().status, solvers::Status::non_finite);
  EXPECT_TRUE(contains(result.worst().message, "t = 0.5 in sample 6"));
}

TEST(DrawSamples, OverflowInTheLastStepIsNotPassedOff) {
  ConstantModel model(std::numeric_limits<float>::max());
  DrawRequest request = request_of(2, 2, 1);
  request.noise = [](std::int64_t, std::int64_t n) {
    return at::full({n, 1, 2, 2}, std::numeric_limits<float>::max(), at::dtype(at::kFloat));
  };
  const auto solver = solvers::find_solver(test::plugin("euler"));

  const DrawResult result = draw_samples(model, *solver, request);

  EXPECT_EQ(result.worst().status, solvers::Status::non_finite);
}

TEST(DrawSamples, TellsProgressUpToTheEnd) {
  ConstantModel model(1);
  const auto solver = solvers::find_solver(test::plugin("euler"));
  std::vector<double> seen;

  draw_samples(model, *solver, request_of(4, 2, 2), [&](double fraction) { seen.push_back(fraction); });

  EXPECT_EQ(seen, (std::vector<double>{0.25, 0.5, 0.75, 1.0}));
}

TEST(FailDraw, SaysWhenAndWhyWithTheNumericalExitCode) {
  DrawResult result;
  BatchReport report;
  report.samples = 1;
  report.status = solvers::Status::non_finite;
  report.t_final = 0.25;
  report.message = "first non-finite velocity at t = 0.5 in sample 6";
  result.batches = {report};
  solvers::SolverInfo info;
  info.id = "euler";

  const Error error = error_of([&] { fail_draw(info, result); });

  EXPECT_EQ(error.code(), ExitCode::numerical);
  EXPECT_TRUE(contains(error.what(), "solver euler"));
  EXPECT_TRUE(contains(error.what(), "t = 0.25"));
  EXPECT_TRUE(contains(error.what(), "sample 6"));
}

TEST(ImageBytes, MapsMinusOneToOneOntoBytesAndClamps) {
  const at::Tensor raw = at::tensor({-1.5F, -1.0F, 0.0F, 1.0F}).view({1, 1, 2, 2});

  EXPECT_EQ(image_bytes(raw, tiny, {}, {}), (std::vector<std::uint8_t>{0, 0, 128, 255}));
}

TEST(ImageBytes, RoundsDoublesOnce) {
  // In single precision this is 1.5, which would become 2.
  const at::Tensor raw = at::full({1, 1, 2, 2}, 1.4999999999, at::kDouble);

  EXPECT_EQ(image_bytes(raw, tiny, {0.0}, {1.0}), (std::vector<std::uint8_t>(4, 1)));
}

TEST(ImageBytes, UndoesTheNormalisationOfTheData) {
  const at::Tensor raw = at::tensor({-1.0F, 0.0F, 1.0F, 2.0F}).view({1, 1, 2, 2});

  EXPECT_EQ(image_bytes(raw, tiny, {100.0}, {10.0}), (std::vector<std::uint8_t>{90, 100, 110, 120}));
}

}  // namespace
}  // namespace pathline::sampling
