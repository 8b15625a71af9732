#include "core/config_changes.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

ConfigSchema schema_of_effects() {
  ConfigSchema schema;
  schema.add_choice("sum.mode", "fast", {"fast", "exact"}, Effect::steering, "");
  schema.add_integer("run.seed", 0, 0, 9, Effect::breaking, "");
  schema.add_real("run.rate", 0.5, 0, 1, Effect::steering, "");
  schema.add_integer("log.every", 1, 1, 9, Effect::free, "");
  schema.add_integer("run.micro", 1, 1, 9, OnResume(Effect::free).but(Effect::breaking, "sum.mode", "exact"), "");
  schema.only_where("sum.mode", "exact", [&] { schema.add_integer("sum.depth", 1, 1, 9, Effect::breaking, ""); });
  return schema;
}

class CompareSettings : public testing::Test {
 protected:
  Config parsed(const std::vector<std::string>& options) const {
    return Config::parse_text(schema_, "", "none.ini", options);
  }
  const ConfigSchema schema_ = schema_of_effects();
};

TEST_F(CompareSettings, SortsChangesByTheEffectOnTheirKeys) {
  const SettingChanges changes =
      compare_settings(parsed({}), parsed({"--run.seed=1", "--run.rate=0.25", "--log.every=2", "--run.micro=3"}));

  ASSERT_EQ(changes.breaking.size(), 1U);
  EXPECT_EQ(changes.breaking[0].key, "run.seed");
  EXPECT_EQ(changes.breaking[0].before, "0");
  EXPECT_EQ(changes.breaking[0].now, "1");
  ASSERT_EQ(changes.steering.size(), 1U);
  EXPECT_EQ(changes.steering[0].key, "run.rate");
}

TEST_F(CompareSettings, TakesTheSameValueWrittenOtherwiseForTheSame) {
  const SettingChanges changes = compare_settings(parsed({"--run.rate=0.25"}), parsed({"--run.rate=2.5e-1"}));

  EXPECT_TRUE(changes.steering.empty());
}

TEST_F(CompareSettings, LooksAtThePresentValueOfTheKeyThatAnEffectDependsOn) {
  const SettingChanges changes = compare_settings(parsed({"--sum.mode=exact"}), parsed({"--run.micro=2"}));
  const SettingChanges exact =
      compare_settings(parsed({"--sum.mode=exact"}), parsed({"--sum.mode=exact", "--run.micro=2"}));

  EXPECT_EQ(changes.breaking.size(), 1U);  // sum.depth is gone
  ASSERT_EQ(exact.breaking.size(), 1U);
  EXPECT_EQ(exact.breaking[0].key, "run.micro");
}

TEST_F(CompareSettings, CountsAKeyThatHasComeOrGone) {
  const SettingChanges changes = compare_settings(parsed({}), parsed({"--sum.mode=exact"}));

  ASSERT_EQ(changes.breaking.size(), 1U);
  EXPECT_EQ(changes.breaking[0].key, "sum.depth");
  EXPECT_EQ(changes.breaking[0].before, "");
  EXPECT_EQ(changes.breaking[0].now, "1");
}

}  // namespace
}  // namespace pathline
