#pragma once
// Which processes of this machine were started with a certain argument. Thread-safety: no state.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace pathline::test {

/// How many: `argument` is one of the words of their command line, the whole of it.
inline std::size_t processes_with_argument(const std::string& argument) {
  const std::string wanted = std::string(1, '\0') + argument + '\0';
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::string line;
    try {
      line.assign(std::istreambuf_iterator<char>(file), {});
    } catch (const std::ios_base::failure&) {  // it ended as we looked
    }
    count += line.find(wanted) != std::string::npos;
  }
  return count;
}

}  // namespace pathline::test
