// The UNet against the real torchcfm: recorded outputs (fixtures/, made by make_parity_fixtures.py), and a live run
// where Python has it.

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/torch/tensor_file.h"
#include "flow/networks/network.h"
#include "flow/networks/unet/unet_settings.h"

namespace pathline::flow {
namespace {

const std::filesystem::path source_folder = std::filesystem::path(PATHLINE_SOURCE_DIR) / "tests/flow";

/// Twin of weight_values() in make_parity_fixtures.py.
at::Tensor weight_values(const std::string& name, const std::vector<std::int64_t>& shape) {
  std::uint64_t seed = 0xcbf29ce484222325u;
  for (const char c : name) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  at::Tensor values = at::empty(shape);
  const double fan_in = static_cast<double>(values.numel() / shape[0]);
  const float scale =
      shape.size() == 1 ? 0.5f : static_cast<float>(std::exp2(std::floor(0.5 * std::log2(3 / fan_in) + 0.5)));
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    std::uint64_t z = seed + static_cast<std::uint64_t>(i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    values.data_ptr<float>()[i] = (static_cast<float>(z >> 56) - 127.5f) / 128 * scale;
  }
  return values;
}

std::vector<std::int64_t> integers(const std::string& text) {
  std::vector<std::int64_t> values;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) values.push_back(std::stoll(item));
  return values;
}

struct Fixture {
  NetworkSettings settings;
  NamedTensors state;
  std::map<std::string, at::Tensor> tensors;
  at::Tensor labels() const { return tensors.contains("labels") ? tensors.at("labels") : at::Tensor(); }
};

Fixture read_fixture(const std::filesystem::path& file) {
  std::map<std::string, std::string> metadata;
  Fixture fixture;
  for (const auto& [name, tensor] : load_tensors(file, &metadata)) fixture.tensors[name] = tensor;
  const auto integer = [&](const char* key, std::int64_t missing) {
    return metadata.contains(key) ? std::stoll(metadata.at(key)) : missing;
  };
  UNetSettings s;
  s.channels = integer("channels", -1);
  s.channel_mult = integers(metadata.at("channel_mult"));
  s.res_blocks = integer("res_blocks", -1);
  s.attention = integers(metadata.at("attention"));
  s.heads = integer("heads", -1);
  s.head_channels = integer("head_channels", -1);
  s.scale_shift_norm = integer("scale_shift_norm", 0) != 0;
  s.resblock_updown = integer("resblock_updown", 0) != 0;
  s.conv_resample = integer("conv_resample", 1) != 0;
  s.new_attention_order = integer("new_attention_order", 0) != 0;
  fixture.settings = unet_settings(
      s, SampleShape::picture(integer("image_channels", -1), integer("image_height", -1), integer("image_width", -1)),
      label_condition(integer("classes", 0)));
  std::istringstream lines(metadata.at("state"));
  for (std::string name, shape; lines >> name >> shape;) {
    fixture.state.emplace_back(name, weight_values(name, integers(shape)));
  }
  return fixture;
}

std::shared_ptr<VelocityNetwork> load(const Fixture& fixture) {
  const auto network = make_network(fixture.settings, 1);
  const at::NoGradGuard no_grad;
  copy_tensors(fixture.state, named_state(*network), "fixture");
  network->eval();
  return network;
}

/// Largest difference relative to the largest value.
double relative_difference(const at::Tensor& found, const at::Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

class Parity : public testing::TestWithParam<const char*> {
 protected:
  const Fixture fixture = read_fixture(source_folder / "fixtures" / (std::string(GetParam()) + ".safetensors"));
};

TEST_P(Parity, ParameterNamesShapesAndOrderAreTorchcfms) {
  const auto network = make_network(fixture.settings, 1);

  const auto state = named_state(*network);

  ASSERT_EQ(state.size(), fixture.state.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    EXPECT_EQ(state[i].first, fixture.state[i].first);
    EXPECT_EQ(state[i].second.sizes(), fixture.state[i].second.sizes()) << state[i].first;
  }
}

TEST_P(Parity, OutputIsTorchcfms) {
  const auto network = load(fixture);
  const at::NoGradGuard no_grad;

  const at::Tensor v = network->forward(fixture.tensors.at("x"), fixture.tensors.at("t"), Condition(fixture.labels()));

  EXPECT_LT(relative_difference(v, fixture.tensors.at("v")), 1e-5);
  EXPECT_TRUE(v.is_contiguous());
}

INSTANTIATE_TEST_SUITE_P(Cases, Parity, testing::Values("plain", "conditional", "new_order", "pooled"),
                         [](const auto& test) { return std::string(test.param); });

TEST(ParityGradients, AreTorchcfms) {
  const Fixture fixture = read_fixture(source_folder / "fixtures/conditional.safetensors");
  const auto network = load(fixture);

  const at::Tensor v = network->forward(fixture.tensors.at("x"), fixture.tensors.at("t"), Condition(fixture.labels()));
  (v * fixture.tensors.at("direction")).mean().backward();

  for (const auto& [name, parameter] : named_state(*network)) {
    const at::Tensor& gradient = parameter.grad();
    const at::Tensor summary = gradient.dim() == 1 ? gradient : gradient.flatten(1).square().sum(1);
    const at::Tensor& expected = fixture.tensors.at("grad/" + name);
    // Where a group is one channel, normalisation cancels a bias before it: its gradient is 0 but for rounding (1e-9
    // here).
    const double rounding = gradient.dim() == 1 ? 1e-8 : 0;
    const double bound = 1e-4 * expected.abs().max().item<double>() + rounding;
    EXPECT_LT((summary - expected).abs().max().item<double>(), bound) << name;
  }
}

TEST(ParityLive, FreshOutputsOfTheInstalledTorchcfmAgree) {
  const char* python = std::getenv("PATHLINE_PARITY_PYTHON");
  if (python == nullptr)
    GTEST_SKIP() << "PATHLINE_PARITY_PYTHON is not set (a Python with torch, torchcfm and safetensors)";
  const std::string quoted = "'" + std::string(python) + "'";
  if (std::system((quoted + " -c 'import numpy, torch, torchcfm.models.unet.unet, safetensors' 2>/dev/null").c_str()) !=
      0) {
    GTEST_SKIP() << python << " cannot import torch, torchcfm and safetensors";
  }
  const auto folder = std::filesystem::path(testing::TempDir()) / ("pathline_parity_" + std::to_string(::getpid()));
  const std::string script = (source_folder / "make_parity_fixtures.py").string();
  ASSERT_EQ(std::system((quoted + " '" + script + "' --out '" + folder.string() + "' --seed 7 > /dev/null").c_str()),
            0);

  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const Fixture fixture = read_fixture(file.path());
    const auto network = load(fixture);
    const at::NoGradGuard no_grad;
    const at::Tensor v =
        network->forward(fixture.tensors.at("x"), fixture.tensors.at("t"), Condition(fixture.labels()));
    EXPECT_LT(relative_difference(v, fixture.tensors.at("v")), 1e-5) << file.path();
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pathline::flow
