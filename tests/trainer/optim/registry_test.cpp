#include "trainer/optim/registry.h"

#include <set>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/trainer/trainer_fixture.h"

namespace pathline {
namespace {

using test::contains;
using test::error_of;
using test::tiny_config;

TEST(OptimizerKinds, AreMadeWithTheSettingsOfTheirKeys) {
  const auto optimizer = make_optimizer(tiny_config(
      "/somewhere", {"--optimizer.kind", "adamw", "--optimizer.beta2", "0.95", "--optimizer.weight_decay", "0.25"}));

  EXPECT_EQ(optimizer->describe(), "AdamW, betas 0.9 0.95, eps 1e-08, weight decay 0.25");
}

TEST(OptimizerKinds, NameTheirBuffersOnce) {
  for (const OptimizerKind& kind : optimizer_kinds()) {
    const auto optimizer = make_optimizer(tiny_config("/somewhere", {"--optimizer.kind", kind.name}));
    std::set<std::string> names;
    for (const OptimizerBuffer& buffer : optimizer->buffers())
      EXPECT_TRUE(names.insert(buffer.name).second) << kind.name;
  }
}

TEST(OptimizerKinds, RefuseAnUnknownName) {
  const Error error = error_of([] { tiny_config("/somewhere", {"--optimizer.kind", "adamv"}); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_TRUE(contains(error.what(), "optimizer.kind")) << error.what();
  EXPECT_TRUE(contains(error.what(), "adamw")) << error.what();
}

}  // namespace
}  // namespace pathline
