// What an index may say of conditions; what it may say of samples is tested with ShardWriter and shard_index.

#include "data/shards/dataset_check.h"

#include <cmath>

#include "tests/data/shards/conditioned_fixture.h"

namespace pathline::data {
namespace {

using Change = std::function<void(std::vector<ConditionArray>&)>;

TEST(DatasetCheck, AcceptsConditionsOfEachKind) {
  EXPECT_NO_THROW(check_dataset_info(conditioned_info(), ExitCode::usage, "set"));
}

TEST(DatasetCheck, AcceptsAsManyConditionsAsThereMayBe) {
  DatasetInfo info = small_info();
  for (std::size_t i = 0; i < most_conditions; ++i) {
    info.conditions.push_back(conditioned_info().conditions[0]);
    info.conditions.back().field.name = std::string(longest_condition_name - 2, 'n') + std::to_string(10 + i);
  }

  EXPECT_NO_THROW(check_dataset_info(info, ExitCode::usage, "set"));
  info.conditions.push_back(conditioned_info().conditions[0]);
  expect_error(ExitCode::usage, {"65 conditions", "at most 64"},
               [&] { check_dataset_info(info, ExitCode::usage, "set"); });
}

TEST(DatasetCheck, RefusesConditionsThatDoNotFitTogether) {
  // params: vector [3]; view: tensor uint8 [2, 1, 2]; field: tensor float32 [1, 2]; sort: label of 4 classes
  const std::vector<std::pair<std::string, Change>> cases = {
      {"two conditions have the name 'params'", [](auto& c) { c[1].field.name = "params"; }},
      {"params: dtype must be float32", [](auto& c) { c[0].dtype = "uint8"; }},
      {"params: expected one size, found 2",
       [](auto& c) {
         c[0].field.sizes = {3, 1};
       }},
      {"params: expected one size, found 0", [](auto& c) { c[0].field.sizes = {}; }},
      {"params: sizes must be 1 to 65536, found 0", [](auto& c) { c[0].field.sizes = {0}; }},
      {"params: mean and scale must have one value per channel (3)", [](auto& c) { c[0].mean.pop_back(); }},
      {"params: the scale of channel 1 must be positive", [](auto& c) { c[0].scale[1] = 0; }},
      {"params: the mean of channel 2 is not finite", [](auto& c) { c[0].mean[2] = NAN; }},
      {"params: only labels have classes", [](auto& c) { c[0].field.classes = 2; }},
      {"view: dtype must be uint8 or float32", [](auto& c) { c[1].dtype = "int64"; }},
      {"view: expected 2 to 4 sizes, found 1", [](auto& c) { c[1].field.sizes = {2}; }},
      {"view: expected 2 to 4 sizes, found 5",
       [](auto& c) {
         c[1].field.sizes = {2, 1, 1, 1, 1};
       }},
      {"view: a value is larger than the limit of 1 GiB",
       [](auto& c) {
         c[1].field.sizes = {65536, 65536, 65536, 65536};
       }},
      {"field: a value is larger than the limit of 1 GiB",
       [](auto& c) {
         c[2].field.sizes = {65536, 4097};
       }},
      {"sort: labels must be int64", [](auto& c) { c[3].dtype = "float32"; }},
      {"sort: expected 1 to 1000000 classes, found 0", [](auto& c) { c[3].field.classes = 0; }},
      {"sort: expected 4 class names or none, found 1", [](auto& c) { c[3].class_names = {"a"}; }},
      {"sort: the class names must be valid UTF-8", [](auto& c) { c[3].class_names.assign(4, "\xff"); }},
      {"sort: a label has no sizes, mean or scale", [](auto& c) { c[3].mean = {1}; }},
  };
  for (const auto& [words, change] : cases) {
    DatasetInfo info = conditioned_info();
    change(info.conditions);

    expect_error(ExitCode::bad_input, {words, "set"}, [&] { check_dataset_info(info, ExitCode::bad_input, "set"); });
  }
}

TEST(DatasetCheck, NamesOfConditionsAreWordsThatCannotLeadElsewhere) {
  for (const char* good : {"a", "camera_0", "Omega-m", "9", "labels"})
    EXPECT_EQ(condition_name_problem(good), "") << good;
  for (const std::string bad : {"", "-a", "a/b", ".", "..", "a.b", "a b", "\xc3\xa4", "label", "a\n"})
    EXPECT_NE(condition_name_problem(bad), "") << bad;
  EXPECT_EQ(condition_name_problem(std::string(64, 'n')), "");
  EXPECT_NE(condition_name_problem(std::string(65, 'n')), "");
}

}  // namespace
}  // namespace pathline::data
