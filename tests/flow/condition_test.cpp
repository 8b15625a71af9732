#include "flow/condition.h"

#include <stdexcept>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace pathline::flow {
namespace {

ConditionSpec label_and_vector() {
  ConditionField label, vector;
  label.classes = 10;
  label.has_null = true;
  vector.name = "parameters";
  vector.kind = ConditionField::Kind::vector;
  vector.sizes = {6};
  vector.has_null = true;
  return {label, vector};
}

Condition matching(std::int64_t batch) {
  Condition condition(at::zeros({batch}, at::kLong));
  condition.values.push_back(at::ones({batch, 6}));
  return condition;
}

TEST(Condition, WithoutLabelsIsEmpty) {
  EXPECT_TRUE(Condition(at::Tensor()).empty());
  EXPECT_FALSE(Condition(at::zeros({2}, at::kLong)).empty());
}

TEST(Condition, NullIsTheClassAfterTheLastAndZerosOfAVector) {
  const Condition null = null_condition(label_and_vector(), 3, at::kCPU);

  EXPECT_TRUE(at::equal(null.values.at(0), at::full({3}, 10, at::kLong)));
  EXPECT_TRUE(at::equal(null.values.at(1), at::zeros({3, 6})));
}

TEST(Condition, ThereIsNoNullOfAFieldThatHasNone) {
  ConditionSpec spec = label_and_vector();
  spec[1].has_null = false;

  EXPECT_THROW((void)null_condition(spec, 3, at::kCPU), std::logic_error);
}

TEST(Condition, WithoutDropsEveryFieldOfTheSamplesNamed) {
  const Condition condition = matching(3);

  const Condition dropped = without(condition, label_and_vector(), at::tensor({0, 1, 0}, at::kLong).to(at::kBool));

  EXPECT_TRUE(at::equal(dropped.values.at(0), at::tensor({0, 10, 0}, at::kLong)));
  EXPECT_TRUE(at::equal(dropped.values.at(1).select(1, 5), at::tensor({1.0f, 0.0f, 1.0f})));
  EXPECT_TRUE(without(condition, label_and_vector(), {}).values.at(0).is_same(condition.values.at(0)));
  EXPECT_TRUE(without({}, {}, at::ones({1}, at::kBool)).empty());
}

TEST(Condition, NarrowCutsEveryField) {
  Condition condition = matching(4);
  condition.values[0][2] = 7;

  const Condition part = condition.narrow(2, 1);

  EXPECT_EQ(part.values[0].item<std::int64_t>(), 7);
  EXPECT_EQ(part.values[1].size(0), 1);
}

TEST(Condition, OnlyTheNetworksOwnFieldsPassTheCheck) {
  const ConditionSpec spec = label_and_vector();
  Condition wrong_dtype = matching(2), wrong_size = matching(2);
  wrong_dtype.values[0] = at::zeros({2});
  wrong_size.values[1] = at::ones({2, 5});

  EXPECT_NO_THROW(check_condition(matching(2), spec, 2));
  EXPECT_THROW(check_condition(Condition(), spec, 2), std::logic_error);
  EXPECT_THROW(check_condition(matching(3), spec, 2), std::logic_error);
  EXPECT_THROW(check_condition(wrong_dtype, spec, 2), std::logic_error);
  EXPECT_THROW(check_condition(wrong_size, spec, 2), std::logic_error);
}

}  // namespace
}  // namespace pathline::flow
