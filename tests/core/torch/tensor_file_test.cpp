#include "core/torch/tensor_file.h"

#include <limits>
#include <stdexcept>

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::TemporaryFolder;

at::Tensor counting(at::IntArrayRef shape, at::ScalarType type) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::arange(count).reshape(shape).to(type);
}

TEST(TensorFile, EveryDtypeComesBackTheSame) {
  const TemporaryFolder folder;
  NamedTensors tensors;
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                                    at::kChar, at::kByte, at::kBool}) {
    tensors.emplace_back(c10::toString(type), counting({3, 5}, type));
  }

  save_tensors(folder / "file", tensors, {{"step", "7"}});
  std::map<std::string, std::string> metadata;
  const NamedTensors found = load_tensors(folder / "file", &metadata);

  const std::map<std::string, at::Tensor> expected(tensors.begin(), tensors.end());
  ASSERT_EQ(found.size(), tensors.size());
  for (const auto& [name, tensor] : found) {
    ASSERT_EQ(expected.count(name), 1u) << name;
    EXPECT_EQ(tensor.scalar_type(), expected.at(name).scalar_type());
    EXPECT_TRUE(at::equal(tensor, expected.at(name))) << name;
  }
  EXPECT_EQ(metadata.at("step"), "7");
}

TEST(TensorFile, StridedTensorsAreStoredRowMajor) {
  const TemporaryFolder folder;
  const at::Tensor transposed = counting({3, 4}, at::kFloat).t();
  const at::Tensor channels_last = counting({2, 3, 4, 5}, at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);

  save_tensors(folder / "file",
               {{"t", transposed}, {"c", channels_last}, {"slice", counting({10}, at::kInt).slice(0, 1, 9, 3)}});
  const NamedTensors found = load_tensors(folder / "file");

  EXPECT_TRUE(at::equal(found[0].second, transposed));
  EXPECT_TRUE(at::equal(found[1].second, channels_last));
  EXPECT_TRUE(found[1].second.is_contiguous());
  EXPECT_EQ(found[2].second.numel(), 3);
}

TEST(TensorFile, ScalarsEmptyTensorsAndSpecialValuesSurvive) {
  const TemporaryFolder folder;
  const float infinity = std::numeric_limits<float>::infinity();
  const at::Tensor special = at::tensor({infinity, -infinity, -0.0f, std::numeric_limits<float>::denorm_min()});
  const at::Tensor nan = at::full({}, std::numeric_limits<float>::quiet_NaN());

  save_tensors(folder / "file", {{"special", special}, {"nan", nan}, {"empty", at::empty({0, 7})}});
  const NamedTensors found = load_tensors(folder / "file");

  ASSERT_EQ(found.size(), 3u);
  for (const auto& [name, tensor] : found) {
    if (name == "special") {
      EXPECT_TRUE(at::equal(tensor.view(at::kInt), special.view(at::kInt)));
    } else if (name == "nan") {
      EXPECT_EQ(tensor.dim(), 0);
      EXPECT_TRUE(tensor.isnan().item<bool>());
    } else {
      EXPECT_EQ(tensor.sizes(), (std::vector<std::int64_t>{0, 7}));
    }
  }
}

TEST(TensorFile, TensorsThatNeedGradientsCanBeSaved) {
  const TemporaryFolder folder;
  const at::Tensor leaf = at::ones({2}).requires_grad_();

  save_tensors(folder / "file", {{"w", leaf}});

  EXPECT_FALSE(load_tensors(folder / "file")[0].second.requires_grad());
}

TEST(TensorFile, UnsupportedDtypesAndUndefinedTensorsAreLogicErrors) {
  const TemporaryFolder folder;

  EXPECT_THROW(save_tensors(folder / "file", {{"c", at::zeros({1}, at::kComplexFloat)}}), std::logic_error);
  EXPECT_THROW(save_tensors(folder / "file", {{"u", at::Tensor()}}), std::logic_error);
  EXPECT_TRUE(folder.names().empty());
}

TEST(CopyTensors, CopiesByNameAndConvertsTheDtype) {
  const NamedTensors source{{"b", at::full({2}, 2.5, at::kDouble)}, {"a", at::ones({3})}};
  const NamedTensors target{{"a", at::zeros({3}).requires_grad_()}, {"b", at::zeros({2})}};

  copy_tensors(source, target, "file");

  EXPECT_TRUE(at::equal(target[0].second, at::ones({3})));
  EXPECT_TRUE(at::equal(target[1].second, at::full({2}, 2.5)));
}

TEST(CopyTensors, ListsEverythingThatDoesNotFitAndCopiesNothing) {
  const NamedTensors source{{"same", at::ones({2})}, {"extra", at::ones({1})}, {"shape", at::ones({2, 3})}};
  const NamedTensors target{{"same", at::zeros({2})}, {"lost", at::zeros({1})}, {"shape", at::zeros({3, 2})}};

  const Error error = error_of([&] { copy_tensors(source, target, "weights.safetensors"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_EQ(error.place(), "weights.safetensors");
  EXPECT_TRUE(contains(error.message(), "1 missing: lost"));
  EXPECT_TRUE(contains(error.message(), "1 unexpected: extra"));
  EXPECT_TRUE(contains(error.message(), "shape (expected [3, 2], found [2, 3])"));
  EXPECT_TRUE(at::equal(target[0].second, at::zeros({2})));
}

TEST(CopyTensors, WholeNumbersAreNoValuesForAFloat) {
  for (const auto& [given, wanted] : {std::pair(at::kInt, at::kFloat), std::pair(at::kFloat, at::kLong)}) {
    const NamedTensors source{{"a", at::ones({2}, given)}}, target{{"a", at::zeros({2}, wanted)}};

    const Error error = error_of([&] { copy_tensors(source, target, "file"); });

    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_TRUE(contains(error.message(), "1 of another kind of number: a (expected "));
    EXPECT_TRUE(at::equal(target[0].second, at::zeros({2}, wanted)));
  }
}

TEST(CopyTensors, LongNamesAndShapesAreCut) {
  const NamedTensors source{{std::string(100000, 'n'), at::ones({1})},
                            {"a", at::ones(std::vector<std::int64_t>(60, 1))}};

  const Error error = error_of([&] { copy_tensors(source, {{"a", at::ones({1})}}, "file"); });

  EXPECT_TRUE(contains(error.message(), "nnn..."));
  EXPECT_TRUE(contains(error.message(), "60 dimensions"));
  EXPECT_LT(error.message().size(), 400u);
}

TEST(CopyTensors, LongListsAreCut) {
  NamedTensors source;
  for (int i = 0; i < 100; ++i) source.emplace_back("t" + std::to_string(i), at::ones({1}));

  const Error error = error_of([&] { copy_tensors(source, {}, "file"); });

  EXPECT_TRUE(contains(error.message(), "100 unexpected: t0, "));
  EXPECT_TRUE(contains(error.message(), "and 92 more"));
  EXPECT_LT(error.message().size(), 200u);
}

}  // namespace
}  // namespace pathline
