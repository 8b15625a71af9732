#include "flow/networks/network_settings.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "flow/networks/unet/unet_settings.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;

class NetworkKeys : public testing::Test {
 protected:
  NetworkKeys() { declare_network_keys(schema_); }
  Config parsed(const std::string& ini, const std::vector<std::string>& options = {}) const {
    return Config::parse_text(schema_, "[network]\n" + ini, "run.ini", options);
  }
  ConfigSchema schema_;
};

TEST_F(NetworkKeys, BecomeSettings) {
  const NetworkSettings settings =
      read_network(parsed("channels = 64\nchannel_mult = 1,2\nattention =\nhead_channels = -1\nclasses = 5\n"), true);

  UNetSettings expected;
  expected.channels = 64;
  expected.channel_mult = {1, 2};
  expected.attention = {};
  expected.head_channels = -1;
  EXPECT_EQ(settings, unet_settings(expected, SampleShape(), label_condition(5, true)));
}

TEST_F(NetworkKeys, WithoutClassesMakeAnUnconditionalNetwork) {
  EXPECT_TRUE(read_network(parsed(""), false).condition.empty());
}

TEST_F(NetworkKeys, RefuseAnUnknownKindWithTheNearestOne) {
  const Error error = error_of([&] { parsed("kind = umet\n"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), "run.ini:2: network.kind");
  EXPECT_EQ(error.hint(), "did you mean unet?");
}

TEST_F(NetworkKeys, BelongToTheirKind) {
  for (const ConfigKey& key : schema_.keys()) {
    const bool common = key.name == "network.kind" || key.name == "network.classes";
    EXPECT_EQ(key.owner.empty(), common) << key.name;
    EXPECT_EQ(key.on_resume.effect, Effect::breaking) << key.name;
  }
}

TEST_F(NetworkKeys, AreWhereACheckAcrossThemPoints) {
  const Config config = parsed("attention = 7\n");
  NetworkSettings settings = read_network(config, false);
  settings.shape = SampleShape::picture(1, 8, 8);

  const Error error = error_of([&] { check_network(settings, config); });

  EXPECT_EQ(error.place(), "run.ini:2: network.attention");
  EXPECT_EQ(error.hint(), "its levels have the resolutions 8, 4, 2");
}

TEST(NetworkSettings, AreEqualIfAllTheirPartsAre) {
  const NetworkSettings settings = unet_settings({}, SampleShape::picture(1, 8, 8), label_condition(3));
  UNetSettings wider;
  wider.channels = 64;

  EXPECT_EQ(settings, unet_settings({}, SampleShape::picture(1, 8, 8), label_condition(3)));
  EXPECT_NE(settings, unet_settings(wider, SampleShape::picture(1, 8, 8), label_condition(3)));
  EXPECT_NE(settings, unet_settings({}, SampleShape::picture(1, 8, 4), label_condition(3)));
  EXPECT_NE(settings, unet_settings({}, SampleShape::picture(1, 8, 8), label_condition(3, true)));
  EXPECT_NE(settings, NetworkSettings());
}

TEST(NetworkSettings, TellTheClassesOfTheLabelAmongTheConditions) {
  NetworkSettings settings = unet_settings({}, SampleShape::picture(1, 8, 8), label_condition(3, true));
  ConditionField vector;
  vector.name = "pose";
  vector.kind = ConditionField::Kind::vector;
  settings.condition.insert(settings.condition.begin(), vector);

  EXPECT_EQ(settings.classes(), 3);
  EXPECT_TRUE(settings.null_class());
  settings.condition.pop_back();
  EXPECT_EQ(settings.classes(), 0);
  EXPECT_FALSE(settings.null_class());
}

TEST(CheckNetwork, RefusesAnUnknownKind) {
  NetworkSettings settings = unet_settings({}, SampleShape::picture(1, 8, 8));
  settings.kind = "unett";

  const Error error = error_of([&] { check_network(settings); });

  EXPECT_EQ(error.place(), "network.kind");
  EXPECT_EQ(error.hint(), "did you mean unet?");
}

}  // namespace
}  // namespace pathline::flow
