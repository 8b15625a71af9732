#include "flow/networks/network.h"

#include <string>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/autocast.h"
#include "flow/networks/unet/unet.h"
#include "flow/objectives/loss.h"

namespace pathline::flow {
namespace {

/// Small, with every part: two levels, labels, attention on one level.
NetworkSettings small() {
  NetworkSettings s;
  s.image_height = s.image_width = 8;
  s.channels = 32;
  s.channel_mult = {1, 2};
  s.attention = {4};
  s.head_channels = 16;
  s.classes = 3;
  return s;
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

TEST(Network, WeightsAreAFunctionOfTheSeed) {
  const auto one = named_state(*make_network(small(), 5)), same = named_state(*make_network(small(), 5));
  const auto other = named_state(*make_network(small(), 6));

  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i].second, same[i].second)) << one[i].first;
  EXPECT_FALSE(at::equal(one[0].second, other[0].second));
}

TEST(Network, ALayersWeightsDoNotDependOnOtherLayers) {
  NetworkSettings with_null = small();
  with_null.null_class = true;

  const auto one = named_state(*make_network(small(), 5)), other = named_state(*make_network(with_null, 5));

  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(at::equal(one[i].second, other[i].second.narrow(0, 0, one[i].second.size(0)))) << one[i].first;
  }
}

TEST(Network, WeightsHaveTorchsInitialDistributions) {
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

TEST(Network, AFreshNetworkPredictsZero) {
  const auto [x, t, labels] = inputs(2);

  const at::Tensor v = make_network(small(), 5)->forward(x, t, Condition(labels));

  EXPECT_EQ(v.abs().max().item<float>(), 0);
}

TEST(Network, ASamplesResultDoesNotDependOnItsCompany) {
  const auto network = awake(small());
  const auto [x, t, labels] = inputs(4);
  const at::NoGradGuard no_grad;

  const at::Tensor together = network->forward(x, t, Condition(labels));
  const at::Tensor alone = network->forward(x.narrow(0, 2, 1), t.narrow(0, 2, 1), Condition(labels.narrow(0, 2, 1)));

  EXPECT_LT((together.narrow(0, 2, 1) - alone).abs().max().item<float>(), 1e-5);
}

TEST(Network, TimeAndLabelMatter) {
  const auto network = awake(small());
  const auto [x, t, labels] = inputs(2);
  const at::NoGradGuard no_grad;

  const at::Tensor v = network->forward(x, t, Condition(labels));

  EXPECT_GT((network->forward(x, t * 0.5, Condition(labels)) - v).abs().max().item<float>(), 1e-4);
  EXPECT_GT((network->forward(x, t, Condition((labels + 1) % 3)) - v).abs().max().item<float>(), 1e-4);
}

TEST(Network, TheNullClassHasItsOwnRow) {
  NetworkSettings settings = small();
  settings.null_class = true;
  const auto network = awake(settings);
  const auto [x, t, labels] = inputs(2);
  const at::NoGradGuard no_grad;

  const at::Tensor unlabelled = network->forward(x, t, Condition(at::full({2}, 3, at::kLong)));

  EXPECT_TRUE(at::isfinite(unlabelled).all().item<bool>());
  EXPECT_GT((unlabelled - network->forward(x, t, Condition(labels))).abs().max().item<float>(), 1e-4);
}

TEST(Network, AnyMemoryFormatGoesInAndContiguousComesOut) {
  NetworkSettings settings = small();
  settings.image_channels = 3;
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

TEST(Network, GradientsRepeatBitForBit) {
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

TEST(Network, DropoutMasksComeFromTorchsGenerator) {
  NetworkSettings settings = small();
  settings.dropout = 0.3;
  const auto network = awake(settings);
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

TEST(Network, Bfloat16AutocastStaysNearFloat32AndReturnsFloat32) {
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

struct BadSettings {
  const char* name;
  void (*change)(NetworkSettings&);
  const char* key;
  const char* expected;
};

class SettingsErrors : public testing::TestWithParam<BadSettings> {};

TEST_P(SettingsErrors, NameTheKeyAndTheReason) {
  NetworkSettings settings = small();
  GetParam().change(settings);

  try {
    make_network(settings, 1);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_EQ(error.place(), GetParam().key);
    EXPECT_NE(error.message().find(GetParam().expected), std::string::npos) << error.message();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, SettingsErrors,
    testing::Values(
        BadSettings{"kind", [](NetworkSettings& s) { s.kind = "unett"; }, "network.kind", "unknown kind"},
        BadSettings{"resolution", [](NetworkSettings& s) { s.attention = {16}; }, "network.attention",
                    "16 does not occur"},
        BadSettings{"groups", [](NetworkSettings& s) { s.channels = 48; }, "network.channels", "48 channels"},
        BadSettings{"size",
                    [](NetworkSettings& s) {
                      s.image_height = 9;
                      s.attention = {};
                    },
                    "network.channel_mult", "9x8 is not divisible by 2"},
        BadSettings{"head_channels", [](NetworkSettings& s) { s.head_channels = 24; }, "network.head_channels",
                    "do not divide"},
        BadSettings{"heads",
                    [](NetworkSettings& s) {
                      s.head_channels = -1;
                      s.heads = 5;
                    },
                    "network.heads", "5 heads do not divide"},
        BadSettings{"no_heads", [](NetworkSettings& s) { s.head_channels = 0; }, "network.head_channels", "at least 1"},
        BadSettings{"levels", [](NetworkSettings& s) { s.channel_mult = {}; }, "network.channel_mult",
                    "at least one level"},
        BadSettings{"mult",
                    [](NetworkSettings& s) {
                      s.channel_mult = {1, 0};
                    },
                    "network.channel_mult", "found 0"},
        BadSettings{"blocks", [](NetworkSettings& s) { s.res_blocks = 0; }, "network.res_blocks", "found 0"},
        BadSettings{"dropout", [](NetworkSettings& s) { s.dropout = 1; }, "network.dropout", "[0, 1)"},
        BadSettings{"null_class",
                    [](NetworkSettings& s) {
                      s.classes = 0;
                      s.null_class = true;
                    },
                    "network.classes", "needs labels"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace pathline::flow
