#pragma once
// A settings struct with a field of every kind.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config_fields.h"

namespace pathline::test {

struct AllFields {
  std::uint64_t count = 3;
  double rate = 0.5;
  bool flag = true;
  std::string word = "a";
  bool half = false;
  std::string name = "n";
  std::filesystem::path folder = "f/g";
  std::vector<std::int64_t> list = {1, 2};
  std::pair<int, int> pair = {4, 5};

  void fields(FieldVisitor& f) {
    f.integer("s.count", count, 1, 9, Effect::steering, "how many");
    f.real("s.rate", rate, 0, 1, Effect::free, "how fast");
    f.boolean("s.flag", flag, Effect::free, "whether");
    f.choice("s.word", word, {"a", "b"}, Effect::free, "which");
    f.choice_of("s.precision", half, {{"fp32", false}, {"bf16", true}}, Effect::free, "how exact");
    f.text("s.name", name, Effect::free, "called");
    f.path("s.folder", folder, Effect::free, "where");
    f.integer_list("s.list", list, 1, 9, Effect::free, "them");
    f.formed<std::pair<int, int>>("s.pair", pair, parse, print, "AxB", Effect::free, "both");
  }

  static std::optional<std::pair<int, int>> parse(const std::string& text) {
    std::pair<int, int> read;
    char rest = 0;
    if (std::sscanf(text.c_str(), "%dx%d%c", &read.first, &read.second, &rest) != 2) return std::nullopt;
    return read;
  }
  static std::string print(const std::pair<int, int>& value) {
    return std::to_string(value.first) + "x" + std::to_string(value.second);
  }
};

}  // namespace pathline::test
