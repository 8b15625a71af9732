// docs/method.md has a row for every word of every table, written as the table writes it.

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "flow/flow_spec.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

std::string page() {
  std::ifstream in(PATHLINE_SOURCE_DIR "/docs/method.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class Method>
void expect_rows(MethodTable<Method> table) {
  const std::string text = page();
  for (const MethodEntry<Method>& entry : table) EXPECT_TRUE(test::contains(text, "\n| `" + entry.usage() + "` |"));
}

TEST(MethodDocs, HaveARowForEveryWord) {
  expect_rows(path_table());
  expect_rows(prediction_table());
  expect_rows(time_distributions());
  expect_rows(coupling_table());
  expect_rows(objective_table());
}

}  // namespace
}  // namespace pathline::flow
