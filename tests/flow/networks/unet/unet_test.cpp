#include "flow/networks/unet/unet.h"

#include <map>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/autocast.h"
#include "flow/objectives/loss.h"

namespace pathline::flow {
namespace {

/// Small, with every part: two levels, attention on one level.
UNetSettings small_options() {
  UNetSettings s;
  s.channels = 32;
  s.channel_mult = {1, 2};
  s.attention = {4};
  s.head_channels = 16;
  return s;
}

/// Of three labels.
NetworkSettings small(const UNetSettings& options = small_options(), ConditionSpec condition = label_condition(3)) {
  return unet_settings(options, SampleShape::picture(1, 8, 8), std::move(condition));
}

/// Layers that start at zero would hide what stands before them.
std::shared_ptr<VelocityNetwork> awake(const NetworkSettings& settings) {
  const auto network = make_network(settings, 3);
  const at::NoGradGuard no_grad;
  at::manual_seed(17);
  for (const auto& [name, tensor] : named_state(*network)) tensor.add_(at::randn_like(tensor), 0.05);
  return network;
}

struct Inputs {
  at::Tensor x, t, labels;
};

Inputs inputs(std::int64_t batch) {
  at::manual_seed(23);
  return {at::randn({batch, 1, 8, 8}), at::rand({batch}), at::randint(3, {batch}, at::kLong)};
}

TEST(UNet, WeightsAreAFunctionOfTheSeed) {
  const auto one = named_state(*make_network(small(), 5)), same = named_state(*make_network(small(), 5));
  const auto other = named_state(*make_network(small(), 6));

  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i].second, same[i].second)) << one[i].first;
  EXPECT_FALSE(at::equal(one[0].second, other[0].second));
}

TEST(UNet, ALayersWeightsDoNotDependOnOtherLayers) {
  const NetworkSettings with_null = small(small_options(), label_condition(3, true));

  const auto one = named_state(*make_network(small(), 5)), other = named_state(*make_network(with_null, 5));

  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(at::equal(one[i].second, other[i].second.narrow(0, 0, one[i].second.size(0)))) << one[i].first;
  }
}

TEST(UNet, WeightsHaveTorchsInitialDistributions) {
  for (const auto& [name, tensor] : named_state(*make_network(small(), 5))) {
    const bool starts_at_zero = name.find("out_layers.3") != std::string::npos ||
                                name.find("proj_out") != std::string::npos || name.starts_with("out.2");
    if (starts_at_zero) {
      EXPECT_EQ(tensor.abs().max().item<float>(), 0) << name;
    } else if (name == "label_emb.weight") {
      EXPECT_NEAR(tensor.std().item<float>(), 1, 0.12) << name;
    } else if (tensor.dim() > 1) {
      const double bound = 1 / std::sqrt(static_cast<double>(tensor[0].numel()));  // kaiming_uniform with a = sqrt(5)
      EXPECT_LE(tensor.abs().max().item<double>(), bound) << name;
      EXPECT_NEAR(tensor.std().item<double>() / (bound / std::sqrt(3)), 1, 0.15) << name;
    }
  }
}

TEST(UNet, AFreshNetworkPredictsZero) {
  const auto [x, t, labels] = inputs(2);

  const at::Tensor v = make_network(small(), 5)->forward(x, t, Condition(labels));

  EXPECT_EQ(v.abs().max().item<float>(), 0);
}

TEST(UNet, ASamplesResultDoesNotDependOnItsCompany) {
  const auto network = awake(small());
  const auto [x, t, labels] = inputs(4);
  const at::NoGradGuard no_grad;

  const at::Tensor together = network->forward(x, t, Condition(labels));
  const at::Tensor alone = network->forward(x.narrow(0, 2, 1), t.narrow(0, 2, 1), Condition(labels.narrow(0, 2, 1)));

  EXPECT_LT((together.narrow(0, 2, 1) - alone).abs().max().item<float>(), 1e-5);
}

TEST(UNet, TimeAndLabelMatter) {
  const auto network = awake(small());
  const auto [x, t, labels] = inputs(2);
  const at::NoGradGuard no_grad;

  const at::Tensor v = network->forward(x, t, Condition(labels));

  EXPECT_GT((network->forward(x, t * 0.5, Condition(labels)) - v).abs().max().item<float>(), 1e-4);
  EXPECT_GT((network->forward(x, t, Condition((labels + 1) % 3)) - v).abs().max().item<float>(), 1e-4);
}

TEST(UNet, TheNullClassHasItsOwnRow) {
  const auto network = awake(small(small_options(), label_condition(3, true)));
  const auto [x, t, labels] = inputs(2);
  const at::NoGradGuard no_grad;

  const at::Tensor unlabelled = network->forward(x, t, Condition(at::full({2}, 3, at::kLong)));

  EXPECT_TRUE(at::isfinite(unlabelled).all().item<bool>());
  EXPECT_GT((unlabelled - network->forward(x, t, Condition(labels))).abs().max().item<float>(), 1e-4);
}

TEST(UNet, AnyMemoryFormatGoesInAndContiguousComesOut) {
  NetworkSettings settings = small();
  settings.shape = SampleShape::picture(3, 8, 8);
  const auto network = awake(settings);
  const auto [unused, t, labels] = inputs(2);
  const at::Tensor x = at::randn({2, 3, 8, 8});
  const at::NoGradGuard no_grad;

  const at::Tensor v = network->forward(x, t, Condition(labels));
  const at::Tensor from_channels_last =
      network->forward(x.contiguous(at::MemoryFormat::ChannelsLast), t, Condition(labels));

  EXPECT_TRUE(v.is_contiguous());
  EXPECT_TRUE(from_channels_last.is_contiguous());
  EXPECT_TRUE(at::equal(v, from_channels_last));
}

TEST(UNet, GradientsRepeatBitForBit) {
  const auto gradients = [] {
    const auto network = awake(small());
    const auto [x, t, labels] = inputs(4);
    const AutocastGuard autocast(at::kCPU, true);
    velocity_loss_mean(network->forward(x, t, Condition(labels)), at::ones_like(x)).backward();
    std::vector<at::Tensor> all;
    for (const auto& [name, tensor] : named_state(*network)) all.push_back(tensor.grad());
    return all;
  };

  const auto first = gradients(), second = gradients();

  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], second[i])) << i;
}

TEST(UNet, DropoutMasksComeFromTorchsGenerator) {
  UNetSettings options = small_options();
  options.dropout = 0.3;
  const auto network = awake(small(options));
  const auto [x, t, labels] = inputs(2);
  const at::NoGradGuard no_grad;
  const auto with_seed = [&, &x = x, &t = t, &labels = labels](std::uint64_t seed) {
    at::manual_seed(seed);
    return network->forward(x, t, Condition(labels));
  };

  network->train();
  EXPECT_TRUE(at::equal(with_seed(1), with_seed(1)));
  EXPECT_FALSE(at::equal(with_seed(1), with_seed(2)));
  network->eval();
  EXPECT_TRUE(at::equal(with_seed(1), with_seed(2)));
}

TEST(UNet, Bfloat16AutocastStaysNearFloat32AndReturnsFloat32) {
  const auto network = awake(small());
  const auto [x, t, labels] = inputs(4);
  const at::NoGradGuard no_grad;
  const at::Tensor exact = network->forward(x, t, Condition(labels));

  const AutocastGuard autocast(at::kCPU, true);
  const at::Tensor rounded = network->forward(x, t, Condition(labels));

  EXPECT_EQ(rounded.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(rounded, exact));  // it did run in bfloat16
  EXPECT_LT(((rounded - exact).norm() / exact.norm()).item<float>(), 0.02);
}

TEST(Autocast, GuardRestoresTheStateAndForgetsWeights) {
  const auto network = awake(small());
  const auto [x, t, labels] = inputs(2);
  const auto forward = [&, &x = x, &t = t, &labels = labels] {
    const AutocastGuard autocast(at::kCPU, true);
    return network->forward(x, t, Condition(labels));
  };
  const at::Tensor before = forward();
  {
    const at::NoGradGuard no_grad;
    for (const auto& [name, tensor] : named_state(*network)) tensor.mul_(1.5);
  }

  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU));
  EXPECT_FALSE(at::equal(forward(), before));
}

TEST(TimeEmbedding, NeighbouringTimesStayApartInBfloat16) {
  const AutocastGuard autocast(at::kCPU, true);

  const at::Tensor embedded = UNet::embed_time(at::linspace(0, 1, 1001), 32);

  const at::Tensor steps = (embedded.slice(0, 1) - embedded.slice(0, 0, 1000)).abs().amax(1);
  EXPECT_GT(steps.min().item<float>(), 5e-4);
}

TEST(TimeEmbedding, KnownValues) {
  const at::Tensor embedded = UNet::embed_time(at::tensor({0.5f}), 5)[0];

  EXPECT_FLOAT_EQ(embedded[0].item<float>(), std::cos(0.5f));
  EXPECT_FLOAT_EQ(embedded[1].item<float>(), std::cos(0.005f));  // 10000^(-1/2)
  EXPECT_FLOAT_EQ(embedded[2].item<float>(), std::sin(0.5f));
  EXPECT_FLOAT_EQ(embedded[4].item<float>(), 0);
}

/// A label, a vector of 5 numbers and a picture of 2 channels.
ConditionSpec every_condition() {
  ConditionSpec spec = label_condition(3);
  ConditionField vector, picture;
  vector.name = "pose";
  vector.kind = ConditionField::Kind::vector;
  vector.sizes = {5};
  picture.name = "map";
  picture.kind = ConditionField::Kind::tensor;
  picture.sizes = {2, 8, 8};
  spec.push_back(vector);
  spec.push_back(picture);
  return spec;
}

Condition values_of_every_condition(std::int64_t batch) {
  at::manual_seed(29);
  Condition condition;
  condition.values = {at::randint(3, {batch}, at::kLong), at::randn({batch, 5}), at::randn({batch, 2, 8, 8})};
  return condition;
}

TEST(UNetConditions, BringAMapPerVectorAndChannelsPerPictureAndNothingElse) {
  const auto plain = named_state(*make_network(small(), 5));
  auto rich = named_state(*make_network(small(small_options(), every_condition()), 5));

  std::vector<std::pair<std::string, at::Tensor>> added;
  for (const auto& [name, tensor] : rich) {
    if (name.starts_with("condition_emb.")) added.emplace_back(name, tensor);
  }
  std::erase_if(rich, [](const auto& item) { return item.first.starts_with("condition_emb."); });
  ASSERT_EQ(added.size(), 2U);
  EXPECT_EQ(added[0].first, "condition_emb.pose.weight");
  EXPECT_EQ(added[0].second.sizes(), at::IntArrayRef({128, 5}));
  EXPECT_EQ(added[1].first, "condition_emb.pose.bias");
  ASSERT_EQ(rich.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(rich[i].first, plain[i].first);
    if (plain[i].first == "input_blocks.0.0.weight") {
      EXPECT_EQ(rich[i].second.sizes(), at::IntArrayRef({32, 3, 3, 3}));
    } else {
      EXPECT_TRUE(at::equal(rich[i].second, plain[i].second) || plain[i].first == "input_blocks.0.0.bias")
          << plain[i].first;
    }
  }
}

TEST(UNetConditions, EachOfThemMatters) {
  const auto network = awake(small(small_options(), every_condition()));
  const auto [x, t, unused] = inputs(2);
  const at::NoGradGuard no_grad;
  const Condition given = values_of_every_condition(2);
  const at::Tensor v = network->forward(x, t, given);
  ASSERT_EQ(v.sizes(), x.sizes());

  for (std::size_t i = 0; i < given.values.size(); ++i) {
    Condition other = given;
    other.values[i] = i == 0 ? (given.values[0] + 1) % 3 : given.values[i] * 0.5;

    EXPECT_GT((network->forward(x, t, other) - v).abs().max().item<float>(), 1e-4) << i;
  }
}

/// The oracle: a vector's map is added to the embedding of the time, and pictures are further channels of x.
TEST(UNetConditions, AVectorOfZerosWithoutBiasIsNoVectorAndAPictureIsChannels) {
  const auto rich = awake(small(small_options(), every_condition()));
  ConditionSpec label_and_more = label_condition(3);
  NetworkSettings wide = small(small_options(), label_and_more);
  wide.shape = SampleShape::picture(3, 8, 8);
  const auto plain = make_network(wide, 5);
  const auto [x, t, unused] = inputs(2);
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : named_state(*rich)) weights[name] = tensor;
  weights.at("condition_emb.pose.bias").zero_();
  for (const auto& [name, tensor] : named_state(*plain)) {
    tensor.zero_();
    tensor.narrow(0, 0, weights.at(name).size(0)).copy_(weights.at(name));  // `out` has channels to spare
  }
  Condition condition = values_of_every_condition(2);
  condition.values[1].zero_();

  const at::Tensor expected =
      plain->forward(at::cat({x, condition.values[2]}, 1), t, Condition(condition.values[0])).narrow(1, 0, 1);

  EXPECT_LT((rich->forward(x, t, condition) - expected).abs().max().item<float>(), 1e-5);
}

}  // namespace
}  // namespace pathline::flow
