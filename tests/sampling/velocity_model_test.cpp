#include "sampling/velocity_model.h"

#include <fstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "sampling/preview.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "tests/tools/plugin_path.h"

namespace pathline::sampling {
namespace {

using test::contains;
using test::error_of;

flow::NetworkSettings settings_of(std::int64_t classes, bool null_class) {
  flow::NetworkSettings settings;
  settings.shape = SampleShape::picture(1, 2, 2);
  settings.condition = flow::label_condition(classes, null_class);
  return settings;
}

/// v(x, t, label) = x + 10 t + 100 label: easy to work out by hand.
class ArithmeticNetwork final : public flow::VelocityNetwork {
 public:
  explicit ArithmeticNetwork(flow::NetworkSettings settings) : VelocityNetwork(std::move(settings)) {}
  at::Tensor forward(const at::Tensor& x, const at::Tensor& t, const flow::Condition& condition) override {
    ++passes;
    was_training = was_training || is_training();
    at::Tensor v = x + 10 * t.view({-1, 1, 1, 1});
    if (!condition.empty()) v = v + 100 * condition.values.front().view({-1, 1, 1, 1}).to(at::kFloat);
    return v;
  }
  int passes = 0;
  bool was_training = false;
};

/// Velocity of the state 1 at t = 0.5 for label 1: without guidance 1 + 5 + 100, without label (3) 1 + 5 + 300.
double velocity_at_half(VelocityModel& model) {
  const at::Tensor state = at::ones({2, 1, 2, 2});
  at::Tensor out = at::empty_like(state);
  model.velocity(0.5, state, at::ones({2}, at::kLong), out);
  EXPECT_TRUE((out == out.flatten()[0]).all().item<bool>());
  return out.flatten()[0].item<double>();
}

TEST(NetworkModel, GivesTheNetworkTimeAndLabel) {
  const auto network = std::make_shared<ArithmeticNetwork>(settings_of(3, true));
  const auto model = make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU));

  EXPECT_EQ(velocity_at_half(*model), 106);
  EXPECT_EQ(network->passes, 1);
  EXPECT_EQ(model->passes_per_evaluation(), 1);
}

TEST(NetworkModel, GuidanceIsUnconditionalPlusScaledDifference) {
  const auto network = std::make_shared<ArithmeticNetwork>(settings_of(3, true));
  const auto model =
      make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU), {.guidance = 1.5, .bf16 = false});

  EXPECT_EQ(velocity_at_half(*model), 306 + 1.5 * (106 - 306));
  EXPECT_EQ(network->passes, 2);
  EXPECT_EQ(model->passes_per_evaluation(), 2);
}

TEST(NetworkModel, GuidanceZeroDropsTheLabelInOnePass) {
  const auto network = std::make_shared<ArithmeticNetwork>(settings_of(3, true));
  const auto model =
      make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU), {.guidance = 0, .bf16 = false});

  EXPECT_EQ(velocity_at_half(*model), 306);
  EXPECT_EQ(network->passes, 1);
}

TEST(NetworkModel, GuidanceNeedsANullClass) {
  for (const auto& settings : {settings_of(3, false), settings_of(0, false)}) {
    const auto network = std::make_shared<ArithmeticNetwork>(settings);

    const Error error = error_of(
        [&] { make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU), {.guidance = 2, .bf16 = false}); });

    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_EQ(error.place(), "--guidance");
  }
}

TEST(NetworkModel, RefusesConditionsOfWhichASamplerHasNoValues) {
  flow::NetworkSettings settings = settings_of(3, true);
  ConditionField pose;
  pose.name = "pose";
  pose.kind = ConditionField::Kind::vector;
  pose.sizes = {4};
  settings.condition.push_back(pose);

  const Error error = error_of([&] {
    make_network_model(std::make_shared<ArithmeticNetwork>(settings), flow::FlowSpec(), at::Device(at::kCPU));
  });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.message(), "pose")) << error.message();
}

/// The network says a multiple of the velocity and of the time.
class Scaled final : public flow::Prediction {
 public:
  std::string text() const override { return "scaled"; }
  at::Tensor target(const flow::PathPoint&, const flow::Path&) const override { return {}; }
  at::Tensor to_velocity(const at::Tensor& output, const at::Tensor& x, const at::Tensor& t,
                         const flow::Path& path) const override {
    EXPECT_EQ(path.text(), "linear");
    return 2 * output + x + t.view({-1, 1, 1, 1});
  }
};

TEST(NetworkModel, TurnsWhatTheNetworkSaysIntoTheVelocityByThePredictionOfItsCheckpoint) {
  const auto network = std::make_shared<ArithmeticNetwork>(settings_of(3, true));
  flow::FlowSpec spec;
  spec.prediction = std::make_shared<Scaled>();

  const auto plain = make_network_model(network, spec, at::Device(at::kCPU));
  const auto guided = make_network_model(network, spec, at::Device(at::kCPU), {.guidance = 1.5, .bf16 = false});

  EXPECT_EQ(velocity_at_half(*plain), 2 * 106 + 1 + 0.5);
  EXPECT_EQ(velocity_at_half(*guided), 2 * (306 + 1.5 * (106 - 306)) + 1 + 0.5);
  EXPECT_EQ(plain->path(), "linear");
}

TEST(NetworkModel, FollowsAChangeOfBatchSize) {
  const auto network = std::make_shared<ArithmeticNetwork>(settings_of(0, false));
  const auto model = make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU));

  for (std::int64_t batch : {4, 3}) {
    const at::Tensor state = at::ones({batch, 1, 2, 2});
    at::Tensor out = at::empty_like(state);
    model->velocity(0.1, state, {}, out);
    EXPECT_TRUE(at::allclose(out, at::full_like(out, 2.0)));
  }
}

TEST(NetworkModel, PullsBackToStateAndTime) {
  for (const double guidance : {1.0, 0.0, 1.5}) {
    const auto network = std::make_shared<ArithmeticNetwork>(settings_of(3, true));
    const auto model =
        make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU), {.guidance = guidance, .bf16 = false});
    const at::Tensor state = at::ones({2, 1, 2, 2}), cotangent = at::arange(8, at::kFloat).view({2, 1, 2, 2});
    const at::NoGradGuard as_solvers_run;

    const auto [of_state, of_time] = model->pull_back(0.5, state, at::ones({2}, at::kLong), cotangent);

    EXPECT_TRUE(at::equal(of_state, cotangent)) << guidance;
    EXPECT_EQ(of_time, 10 * 28) << guidance;
  }
}

TEST(NetworkModel, UsesTheNetworkInEvaluationMode) {
  const auto network = std::make_shared<ArithmeticNetwork>(settings_of(3, true));
  network->train();
  const auto model = make_network_model(network, flow::FlowSpec(), at::Device(at::kCPU));

  velocity_at_half(*model);

  EXPECT_FALSE(network->was_training);
}

TEST(FieldModel, ReadsTheFieldFileAndKnowsTheExactEndpoint) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "one.ini") << "[mixture]\nweights = 1\nmeans = 2\nsigmas = 0.5\nshape = 1,2,2\n";
  const auto model = make_field_model(folder / "one.ini", at::kDouble);
  const at::Tensor noise = at::tensor({-1.0, 0.0, 1.0, 2.0}, at::kDouble).view({1, 1, 2, 2});

  const at::Tensor endpoint = model->exact_endpoint(noise);

  // A single Gaussian carries x0 to mu + sigma x0.
  EXPECT_EQ(model->shape(), (data::ImageShape{1, 2, 2}));
  EXPECT_TRUE(at::allclose(endpoint, 2 + 0.5 * noise, 0, 1e-12));
}

TEST(FieldModel, PullsBackWhatCentralDifferencesGive) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "two.ini") << "[mixture]\nweights = 0.4,0.6\nmeans = -1,1\nsigmas = 0.6,0.8\nshape = 1,1,2\n";
  const auto model = make_field_model(folder / "two.ini", at::kDouble);
  const at::Tensor state = at::tensor({0.3, -0.7}, at::kDouble).view({1, 1, 1, 2});
  const at::Tensor cotangent = at::tensor({2.0, 0.0}, at::kDouble).view_as(state);
  const auto first_velocity = [&](double t, double x) {
    at::Tensor moved = state.clone(), out = at::empty_like(state);
    moved.flatten()[0] = x;
    model->velocity(t, moved, {}, out);
    return out.flatten()[0].item<double>();
  };

  const auto [of_state, of_time] = model->pull_back(0.5, state, {}, cotangent);

  constexpr double h = 1e-5;
  EXPECT_NEAR(of_state.flatten()[0].item<double>(), (first_velocity(0.5, 0.3 + h) - first_velocity(0.5, 0.3 - h)) / h,
              1e-7);
  EXPECT_EQ(of_state.flatten()[1].item<double>(), 0);
  EXPECT_NEAR(of_time, (first_velocity(0.5 + h, 0.3) - first_velocity(0.5 - h, 0.3)) / h, 1e-6);
}

TEST(Preview, DrawsARowPerClassAndLeavesTheNetworkAsItWas) {
  setenv("PATHLINE_SOLVER_PATH", test::plugin_folder().c_str(), 1);
  ArithmeticNetwork network(settings_of(3, true));
  network.train();

  const std::string png = render_preview(network, {}, byte_mapping("uint8", {}, {}),
                                         {.seed = 1, .columns = 2, .rows_if_unconditional = 2, .steps = 2, .scale = 1});

  // Width and height stand at bytes 16 to 23 of a PNG, big-endian: 2 or 3 images of 2 pixels and gaps of 2 around each.
  ASSERT_GT(png.size(), 24U);
  EXPECT_EQ(static_cast<int>(png[19]), 2 * 4 + 2);
  EXPECT_EQ(static_cast<int>(png[23]), 3 * 4 + 2);
  EXPECT_TRUE(network.is_training());
  EXPECT_FALSE(network.was_training);
}

}  // namespace
}  // namespace pathline::sampling
