#include "flow/method_table.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"

namespace pathline::flow {
namespace {

using test::contains;
using test::error_of;
using Numbers = std::vector<double>;

/// A method that only remembers its arguments.
struct Fruit {
  Numbers numbers;
};
using Entry = MethodEntry<Fruit>;

const Entry fruits[] = {
    {"apple", "", "round",
     [](const MethodArguments& arguments) {
       arguments.expect_none();
       return std::make_shared<const Fruit>();
     }},
    {"pear-tree", ":HEIGHT[,WIDTH]", "tall",
     [](const MethodArguments& arguments) { return std::make_shared<const Fruit>(Fruit{arguments.numbers(1, 2)}); }},
};
const MethodTable<Fruit> table(fruits);

std::shared_ptr<const Fruit> make(const std::string& text) {
  return make_method(table, "fruit", text);
}

Error refusal(const std::string& text) {
  const Error error = error_of([&] { make(text); });
  EXPECT_EQ(error.code(), ExitCode::usage) << text;
  EXPECT_EQ(error.place(), "") << text;
  return error;
}

TEST(MethodTable, HandsTheEntryItsNumbers) {
  EXPECT_EQ(make("apple")->numbers, Numbers{});
  EXPECT_EQ(make("pear-tree:3")->numbers, Numbers{3});
  EXPECT_EQ(make(" pear-tree : 2k , -1e-3 ")->numbers, (Numbers{2000, -1e-3}));
}

TEST(MethodTable, NamesTheNearestOfTheKnown) {
  EXPECT_TRUE(contains(refusal("aple").what(), "unknown fruit 'aple'"));
  EXPECT_TRUE(contains(refusal("aple").hint(), "did you mean apple?"));
  EXPECT_TRUE(contains(refusal("pear-tre:3").hint(), "did you mean pear-tree?"));
  EXPECT_TRUE(contains(refusal("xyzzy").hint(), "known: apple, pear-tree"));
  EXPECT_TRUE(contains(refusal("").hint(), "known: apple, pear-tree"));
  EXPECT_TRUE(contains(refusal("Apple").what(), "unknown fruit"));
}

TEST(MethodTable, RefusesArgumentsThatAnEntryDoesNotTake) {
  EXPECT_TRUE(contains(refusal("apple:1").what(), "expected nothing after the name, found '1'"));
  EXPECT_TRUE(contains(refusal("apple:").what(), "found ''"));
  EXPECT_TRUE(contains(refusal("pear-tree").what(), "expected 1 to 2 numbers after the name, found none"));
  EXPECT_TRUE(contains(refusal("pear-tree:1,2,3").hint(), "it is written pear-tree:HEIGHT[,WIDTH]"));
}

TEST(MethodTable, RefusesWhatIsNoFiniteNumber) {
  for (const char* text : {"pear-tree:", "pear-tree:x", "pear-tree:1,", "pear-tree:,1", "pear-tree:nan",
                           "pear-tree:inf", "pear-tree:1e999", "pear-tree:1;2", "pear-tree:0x10"})
    EXPECT_TRUE(contains(refusal(text).what(), "expected finite numbers")) << text;
}

TEST(MethodTable, SaysWhatThereIs) {
  EXPECT_EQ(method_docs(table), "apple: round; pear-tree:HEIGHT[,WIDTH]: tall");
}

}  // namespace
}  // namespace pathline::flow
