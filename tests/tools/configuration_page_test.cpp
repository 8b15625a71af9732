#include "tools/configuration_page.h"

#include <gtest/gtest.h>

#include "core/durable_file.h"

namespace pathline::tools {
namespace {

TEST(ConfigurationPage, IsTheOneInDocs) {
  const std::string written = read_file(PATHLINE_SOURCE_DIR "/docs/configuration.md");

  EXPECT_EQ(written, configuration_page())
      << "docs/configuration.md is out of date; write it anew: build/bin/pathline docs configuration > "
         "docs/configuration.md";
}

}  // namespace
}  // namespace pathline::tools
