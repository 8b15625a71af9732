#include "flow/networks/unet/unet_settings.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

/// What a UNet is made of, to be spoilt.
struct Parts {
  UNetSettings options;
  SampleShape shape = SampleShape::picture(1, 8, 8);
  ConditionSpec condition = label_condition(3);
};

Parts good_parts() {
  Parts parts;
  parts.options.channels = 32;
  parts.options.channel_mult = {1, 2};
  parts.options.attention = {4};
  parts.options.head_channels = 16;
  return parts;
}

ConditionField field_of(ConditionField::Kind kind, std::vector<std::int64_t> sizes) {
  ConditionField field;
  field.name = "other";
  field.kind = kind;
  field.sizes = std::move(sizes);
  return field;
}

TEST(UNetSettings, PassWhereAllFits) {
  const Parts parts = good_parts();

  EXPECT_NO_THROW(check_network(unet_settings(parts.options, parts.shape, parts.condition)));
}

struct BadParts {
  const char* name;
  void (*spoil)(Parts&);
  const char* key;
  const char* expected;
};

class UNetSettingsErrors : public testing::TestWithParam<BadParts> {};

TEST_P(UNetSettingsErrors, NameTheKeyAndTheReason) {
  Parts parts = good_parts();
  GetParam().spoil(parts);

  const Error error =
      test::error_of([&] { check_network(unet_settings(parts.options, parts.shape, parts.condition)); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.place(), GetParam().key);
  EXPECT_TRUE(test::contains(error.message(), GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    Cases, UNetSettingsErrors,
    testing::Values(
        BadParts{"vector", [](Parts& p) { p.shape = SampleShape::vector(2); }, "network.kind",
                 "unet works on pictures, found samples of the kind vector [2]"},
        BadParts{"sequence", [](Parts& p) { p.shape = SampleShape::sequence(4, 2); }, "network.kind",
                 "sequence [4, 2]"},
        BadParts{"resolution", [](Parts& p) { p.options.attention = {16}; }, "network.attention", "16 does not occur"},
        BadParts{"groups", [](Parts& p) { p.options.channels = 48; }, "network.channels", "48 channels"},
        BadParts{"size",
                 [](Parts& p) {
                   p.shape = SampleShape::picture(1, 9, 8);
                   p.options.attention = {};
                 },
                 "network.channel_mult", "9x8 is not divisible by 2"},
        BadParts{"head_channels", [](Parts& p) { p.options.head_channels = 24; }, "network.head_channels",
                 "do not divide"},
        BadParts{"heads",
                 [](Parts& p) {
                   p.options.head_channels = -1;
                   p.options.heads = 5;
                 },
                 "network.heads", "5 heads do not divide"},
        BadParts{"heads_of_the_middle",
                 [](Parts& p) {
                   p.options.attention = {};
                   p.options.head_channels = 24;
                 },
                 "network.head_channels", "do not divide the 64 channels"},
        BadParts{"no_heads", [](Parts& p) { p.options.head_channels = 0; }, "network.head_channels", "at least 1"},
        BadParts{"levels", [](Parts& p) { p.options.channel_mult = {}; }, "network.channel_mult", "at least one level"},
        BadParts{"too_many_levels", [](Parts& p) { p.options.channel_mult.assign(31, 1); }, "network.channel_mult",
                 "at most 30"},
        BadParts{"mult",
                 [](Parts& p) {
                   p.options.channel_mult = {1, 0};
                 },
                 "network.channel_mult", "found 0"},
        BadParts{"blocks", [](Parts& p) { p.options.res_blocks = 0; }, "network.res_blocks", "found 0"},
        BadParts{"dropout", [](Parts& p) { p.options.dropout = 1; }, "network.dropout", "[0, 1)"},
        BadParts{"no_classes",
                 [](Parts& p) {
                   p.condition[0].classes = 0;
                   p.condition[0].has_null = true;
                 },
                 "network.classes", "needs labels"},
        BadParts{"two_labels",
                 [](Parts& p) {
                   p.condition.push_back(field_of(ConditionField::Kind::label, {}));
                   p.condition[1].classes = 2;
                 },
                 "network.kind", "a second one, 'other'"},
        BadParts{"tensor_of_another_size",
                 [](Parts& p) {
                   p.condition.push_back(field_of(ConditionField::Kind::tensor, {2, 4, 8}));
                 },
                 "network.kind", "shape [C, 8, 8], found 'other' of shape [2, 4, 8]"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace pathline::flow
