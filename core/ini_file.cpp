#include "core/ini_file.h"

#include <algorithm>

#include "core/error.h"

namespace pathline {
namespace {

constexpr std::string_view kSpace = " \t\v\f\r";

bool is_space(char c) {
  return kSpace.find(c) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Cuts a comment: `#` at the start or after white space. A `#` inside a word (data/run#7) belongs to the word.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || is_space(text[i - 1]))) return trimmed(text.substr(0, i));
  }
  return trimmed(text);
}

bool is_comment_or_empty(std::string_view text) {
  const std::string_view rest = trimmed(text);
  return rest.empty() || rest[0] == '#' || rest[0] == ';';
}

/// Reads `text`, which starts with a double quote, up to the closing one; only a comment may follow.
std::string unquoted(std::string_view text, const std::string& place) {
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      const std::string_view rest = text.substr(i + 1);
      if (without_comment(rest).empty()) return value;
      throw Error(ExitCode::usage, "nothing may follow a quoted value, found " + shown(trimmed(rest)), place);
    }
    if (text[i] == '\\') {
      if (i + 1 >= text.size() || (text[i + 1] != '"' && text[i + 1] != '\\')) {
        throw Error(ExitCode::usage, "inside quotes, \\ must be followed by \" or \\", place,
                    "write \\\\ for one backslash");
      }
      ++i;
    }
    value += text[i];
  }
  throw Error(ExitCode::usage, "the closing \" is missing", place);
}

}  // namespace

std::string quoted_ini_value(const std::string& value) {
  const bool plain = trimmed(value) == value && without_comment(value) == value && (value.empty() || value[0] != '"');
  if (plain) return value;
  std::string result = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

IniFile parse_ini(std::string_view text, const std::string& origin) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  if (text.find('\0') != std::string_view::npos || text.substr(0, 2) == "\xFF\xFE" || text.substr(0, 2) == "\xFE\xFF") {
    throw Error(ExitCode::usage, "expected a configuration in plain text, found binary data or UTF-16", origin,
                "save the file as UTF-8");
  }
  IniFile file;
  std::string section;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (is_comment_or_empty(content)) continue;

    const std::string place = origin + ":" + std::to_string(line);
    if (content[0] == '[') {
      const std::size_t close = content.find(']');
      if (close == std::string_view::npos) {
        throw Error(ExitCode::usage, "the closing ] of the section is missing", place);
      }
      section = trimmed(content.substr(1, close - 1));
      if (section.empty()) throw Error(ExitCode::usage, "the section has no name", place);
      if (!is_comment_or_empty(content.substr(close + 1))) {
        throw Error(ExitCode::usage, "nothing may follow a section, found " + shown(trimmed(content.substr(close + 1))),
                    place);
      }
      file.sections.push_back({section, line});
      continue;
    }

    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos) {
      throw Error(ExitCode::usage, "expected `key = value`, found " + shown(content), place,
                  "every line is a [section], a `key = value` or a comment that starts with #");
    }
    const std::string key(trimmed(content.substr(0, equals)));
    if (key.empty()) throw Error(ExitCode::usage, "there is no key before the =", place);
    if (section.empty()) {
      throw Error(ExitCode::usage, "key " + shown(key) + " stands before any section", place,
                  "put a [section] line above it");
    }
    const std::string_view after = content.substr(equals + 1);
    const std::string_view value = trimmed(after);
    const bool quoted = !value.empty() && value[0] == '"';
    file.assignments.push_back(
        {section, key, quoted ? unquoted(value, place) : std::string(without_comment(after)), line});
  }
  return file;
}

}  // namespace pathline
