#include "core/torch/foreign_weights.h"

#include <limits>
#include <string>
#include <vector>

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::TemporaryFolder;

/// The names that a file with tensors of these names gives, and what is said on the way.
struct Loaded {
  std::vector<std::string> names;
  std::string said;
};

Loaded loaded(const std::vector<std::string>& names) {
  const TemporaryFolder folder;
  NamedTensors tensors;
  for (const std::string& name : names) tensors.emplace_back(name, at::ones({1}));
  save_tensors(folder / "file", tensors);
  Loaded result;
  testing::internal::CaptureStderr();
  for (const auto& [name, tensor] : load_foreign_weights(folder / "file")) result.names.push_back(name);
  result.said = testing::internal::GetCapturedStderr();
  return result;
}

using Names = std::vector<std::string>;

TEST(ForeignWeights, TakesAWrappersPrefixOffEveryNameAndSaysSo) {
  for (const std::string prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."}) {
    const Loaded result = loaded({prefix + "a.weight", prefix + "b.bias"});

    EXPECT_EQ(result.names, (Names{"a.weight", "b.bias"}));
    EXPECT_TRUE(contains(result.said, "'" + prefix + "'"));
  }
}

TEST(ForeignWeights, LeavesNamesAloneThatDoNotAllHaveThePrefix) {
  const Loaded result = loaded({"module.a", "b"});

  EXPECT_EQ(result.names, (Names{"module.a", "b"}));
  EXPECT_EQ(result.said, "");
}

TEST(ForeignWeights, LeavesANameThatIsNothingButThePrefix) {
  EXPECT_EQ(loaded({"module."}).names, (Names{"module."}));
}

TEST(RequireFinite, NamesTensorsWithNanOrInfinity) {
  const double infinity = std::numeric_limits<double>::infinity();
  const NamedTensors tensors{{"good", at::ones({2})}, {"nan", at::full({2}, NAN)}, {"inf", at::full({2}, -infinity)}};

  const Error error = error_of([&] { require_finite(tensors, "weights.safetensors"); });

  EXPECT_EQ(error.code(), ExitCode::bad_input);
  EXPECT_EQ(error.place(), "weights.safetensors");
  EXPECT_TRUE(contains(error.message(), "'nan', 'inf'"));
  EXPECT_FALSE(contains(error.message(), "good"));
}

TEST(RequireFinite, AcceptsFiniteValuesAndWholeNumbers) {
  EXPECT_NO_THROW(require_finite({{"a", at::ones({2})}, {"b", at::ones({2}, at::kLong)}}, "file"));
}

}  // namespace
}  // namespace pathline
