#include "flow/method_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/error.h"

namespace pathline::flow {
namespace {

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

}  // namespace

MethodArguments::MethodArguments(std::string usage, std::optional<std::string> text)
    : usage_(std::move(usage)), text_(std::move(text)) {}

void MethodArguments::expect_none() const {
  if (text_) fail("expected nothing after the name");
}

std::vector<double> MethodArguments::numbers(std::size_t least, std::size_t most) const {
  std::vector<double> found;
  if (text_) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    std::string_view rest = *text_;
    while (true) {
      const std::size_t comma = rest.find(',');
      try {
        found.push_back(parse_real(trimmed(rest.substr(0, comma)), -kInfinity, kInfinity, {}));
      } catch (const Error&) {
        fail("expected finite numbers with commas between them");
      }
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  if (found.size() < least || found.size() > most) {
    fail(least == most ? fmt::format("expected {} {} after the name", least, least == 1 ? "number" : "numbers")
                       : fmt::format("expected {} to {} numbers after the name", least, most));
  }
  return found;
}

void MethodArguments::fail(const std::string& message) const {
  throw Error(ExitCode::usage, message + ", found " + (text_ ? shown(*text_) : std::string("none")), {},
              "it is written " + usage_);
}

std::pair<std::string, std::optional<std::string>> split_method(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string name(trimmed(text.substr(0, colon)));
  if (colon == std::string_view::npos) return {name, std::nullopt};
  return {name, std::string(trimmed(text.substr(colon + 1)))};
}

void fail_unknown_method(const char* what, const std::string& name, const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  throw Error(ExitCode::usage, fmt::format("unknown {} {}", what, shown(name)), {},
              near.empty() ? fmt::format("known: {}", fmt::join(known, ", ")) : fmt::format("did you mean {}?", near));
}

}  // namespace pathline::flow
