#include "core/json_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace pathline {
namespace {

/// What the refusal of `text` says; empty if it is accepted.
std::string refusal(const std::string& text) {
  try {
    parse_json(text, "file.json", "make it anew");
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
    return error.what();
  }
}

TEST(ParseJson, ReadsWhatIsThere) {
  const auto json = parse_json(R"({"b": [1, 2.5, "x"], "a": {"b": null}})", "file.json", "");

  EXPECT_EQ(json["b"][2], "x");
  EXPECT_EQ(json.begin().key(), "b");  // in the order of the text
}

TEST(ParseJson, RefusesDeepNestingBeforeItCostsMemory) {
  EXPECT_EQ(refusal(std::string(16, '[') + std::string(16, ']')), "");
  EXPECT_NE(refusal(std::string(17, '[') + std::string(17, ']')).find("deeper than 16"), std::string::npos);
  EXPECT_NE(refusal(std::string(1 << 24, '[')).find("deeper than 16"), std::string::npos);
}

TEST(ParseJson, RefusesRepeatedKeysInOneObjectOnly) {
  EXPECT_NE(refusal(R"({"a": 1, "b": {"a": 1}, "a": 2})").find("'a' appears twice"), std::string::npos);
  EXPECT_EQ(refusal(R"({"a": 1, "b": {"a": 1, "c": {"b": 0}}})"), "");
}

TEST(ParseJson, SaysWhereTheTextIsNotJson) {
  const std::string said = refusal("{\"a\": }");

  for (const char* word : {"file.json", "not valid JSON (at byte 7)", "make it anew"})
    EXPECT_NE(said.find(word), std::string::npos) << said;
}

}  // namespace
}  // namespace pathline
