#pragma once
// Splits INI text into assignments that keep their line, as core/config.h needs it. For the files of core/.
// The rules are those of docs/configuration.md. No state.

#include <string>
#include <string_view>
#include <vector>

namespace pathline {

struct IniSection {
  std::string name;
  int line = 0;
};

struct IniAssignment {
  std::string section, key, value;
  int line = 0;
};

struct IniFile {
  std::vector<IniSection> sections;  // as they stand in the file; the same name may come again
  std::vector<IniAssignment> assignments;
};

/// Throws Error(usage) at `origin`:line for anything that is not INI.
IniFile parse_ini(std::string_view text, const std::string& origin);
/// `value` as it must stand after `=` to be read back unchanged: in double quotes where needed.
std::string quoted_ini_value(const std::string& value);

}  // namespace pathline
