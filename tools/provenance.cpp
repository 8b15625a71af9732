#include "tools/provenance.h"

#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "core/system.h"

namespace pathline::tools {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(System::current().wall());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string quote_command(const std::vector<std::string>& words) {
  static const std::string plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

std::string describe_parameters(const solvers::SolverInfo& solver, const solvers::Parameters& given) {
  std::string text;
  for (const solvers::Parameter& parameter : solver.parameters) {
    const auto it = given.find(parameter.name);
    text += fmt::format("{}{}=", text.empty() ? "" : ";", parameter.name);
    if (parameter.text) {
      text += it == given.end() ? parameter.default_text.value_or("") : it->second.text;
      if (it != given.end() && it->second.contents) {
        text += fmt::format(";{}_sha256={}", parameter.name, it->second.sha256);
      }
      continue;
    }
    const double value = it == given.end() ? parameter.default_value : it->second.number;
    const auto choice = static_cast<std::size_t>(value - parameter.minimum);
    text += choice < parameter.choices.size() ? parameter.choices[choice] : fmt::format("{}", value);
  }
  return text;
}

}  // namespace pathline::tools
