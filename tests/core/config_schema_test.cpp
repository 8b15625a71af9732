#include "core/config_schema.h"

#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

namespace pathline {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

ConfigSchema some_schema() {
  ConfigSchema schema;
  schema.add_text("data.shards", "", Effect::free, "folder of the shards");
  schema.add_integer_list("network.channel_mult", {1, 2, 2}, 1, 64, Effect::breaking, "width of each level");
  schema.add_real("network.dropout", 0.1, 0, 0.99, Effect::breaking, "share of activations dropped");
  schema.add_real("optimizer.lr", 1e-4, 0, 1, Effect::steering, "learning rate");
  schema.add_integer("train.steps", 1000, 1, kLargest, Effect::free, "optimizer steps");
  schema.add_integer("train.global_batch", 64, 1, 65536, Effect::breaking, "images per step");
  schema.add_integer("train.seed", 0, std::numeric_limits<std::int64_t>::min(), kLargest, Effect::breaking, "seed");
  schema.add_boolean("train.compile", false, Effect::free, "compile first");
  schema.add_choice("train.precision", "fp32", {"fp32", "bf16"}, Effect::breaking, "arithmetic");
  return schema;
}

TEST(ConfigSchema, MistakesOfTheProgrammerAreLogicErrors) {
  ConfigSchema schema = some_schema();

  EXPECT_THROW(schema.add_integer("train.steps", 1, 0, 2, Effect::free, ""), std::logic_error);
  EXPECT_THROW(schema.add_integer("steps", 1, 0, 2, Effect::free, ""), std::logic_error);
  EXPECT_THROW(schema.add_integer("train.", 1, 0, 2, Effect::free, ""), std::logic_error);
  EXPECT_THROW(schema.add_integer("train.new", 3, 0, 2, Effect::free, ""), std::logic_error);
  EXPECT_THROW(schema.add_choice("train.new", "c", {"a", "b"}, Effect::free, ""), std::logic_error);
}

TEST(ConfigSchema, NearestFindsSlipsAndKeysOfOtherSections) {
  const ConfigSchema schema = some_schema();

  EXPECT_EQ(schema.nearest("train.stepz"), "train.steps");
  EXPECT_EQ(schema.nearest("train.golbal_batch"), "train.global_batch");
  EXPECT_EQ(schema.nearest("network.precision"), "train.precision");
  EXPECT_EQ(schema.nearest("checkpoint.qqqqqqqqqqq"), "");
}

TEST(NearestName, CountsASwapAsOneSlip) {
  EXPECT_EQ(nearest_name("ba", {"abc", "ab"}), "ab");
  EXPECT_EQ(nearest_name("euler", {"heun", "Euler"}), "Euler");
  EXPECT_EQ(nearest_name("x", {"alpha", "beta"}), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), {"alpha"}), "");
}

TEST(OnResume, SaysOnWhatItDepends) {
  EXPECT_EQ(OnResume(Effect::breaking).describe(), "breaking");
  EXPECT_EQ(OnResume(Effect::free).but(Effect::steering, "optimizer.schedule", "cosine").describe(),
            "free; steering where optimizer.schedule = cosine");
}

TEST(ConfigSchema, LetsOwnersHaveAKeyOfOneNameEach) {
  ConfigSchema schema;
  schema.add_choice("network.kind", "a", {"a", "b"}, Effect::breaking, "kind");
  const auto add = [&] { schema.add_integer("network.heads", 1, 0, 9, Effect::breaking, "heads"); };
  schema.only_where("network.kind", "a", add);
  schema.only_where("network.kind", "b", add);

  EXPECT_EQ(schema.keys().size(), 3U);
  EXPECT_EQ(schema.keys()[2].owner, "b");
  EXPECT_THROW(schema.only_where("network.kind", "b", add), std::logic_error);
  EXPECT_THROW(add(), std::logic_error);
}

TEST(ConfigSchema, WantsOwnersThatThereAre) {
  ConfigSchema schema = some_schema();

  EXPECT_THROW(schema.only_where("train.none", "x", [] {}), std::logic_error);
  EXPECT_THROW(schema.only_where("train.precision", "fp64", [] {}), std::logic_error);
  EXPECT_THROW(schema.only_where("train.steps", "1000", [] {}), std::logic_error);
}

TEST(ConfigSchema, TellsWhatValuesAKeyTakes) {
  ConfigSchema schema;
  schema.add_integer("a.bounded", 1, 0, 9, Effect::free, "");
  schema.add_integer("a.open", 1, 0, kUnlimited, Effect::free, "");
  schema.add_real("a.real", 1, 0, kUnlimitedReal, Effect::free, "");
  schema.add_choice("a.choice", "x", {"x", "y"}, Effect::free, "");
  schema.add_path("a.path", "", Effect::free, "");

  const auto allowed = [&](const char* name) { return allowed_values(*schema.find(name)); };
  EXPECT_EQ(allowed("a.bounded"), "whole number, 0 to 9");
  EXPECT_EQ(allowed("a.open"), "whole number, at least 0");
  EXPECT_EQ(allowed("a.real"), "number, at least 0");
  EXPECT_EQ(allowed("a.choice"), "one of x, y");
  EXPECT_EQ(allowed("a.path"), "path");
}

}  // namespace
}  // namespace pathline
