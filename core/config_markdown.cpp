#include "core/config_markdown.h"

#include <fmt/format.h>

namespace pathline {
namespace {

/// A `|` would end the cell.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? "\\|" : std::string(1, c);
  return escaped;
}

std::string row(const ConfigKey& key) {
  const std::string value = key.default_value.empty() ? "empty" : fmt::format("`{}`", key.default_value);
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, cell(value), cell(allowed_values(key)),
                     key.on_resume.describe(), cell(key.doc));
}

/// The rows of those keys of `section` that have this owner.
std::string rows(const ConfigSchema& schema, const std::string& section, const std::string& owner_key,
                 const std::string& owner) {
  std::string text;
  for (const ConfigKey& key : schema.keys()) {
    if (section_part(key.name) == section && key.owner_key == owner_key && key.owner == owner) text += row(key);
  }
  return text.empty() ? text : "\n| key | default | values | when changed | meaning |\n|---|---|---|---|---|\n" + text;
}

}  // namespace

std::string markdown_of(const ConfigSchema& schema) {
  std::string text;
  for (const std::string& section : schema.sections()) {
    text += fmt::format("{}### [{}]\n{}", text.empty() ? "" : "\n", section, rows(schema, section, "", ""));
    for (const ConfigKey& choice : schema.keys()) {
      for (const std::string& owner : choice.choices) {
        const std::string owned = rows(schema, section, choice.name, owner);
        if (!owned.empty()) text += fmt::format("\nOnly where `{} = {}`:\n{}", choice.name, owner, owned);
      }
    }
  }
  return text;
}

}  // namespace pathline
