// index.json of a shard folder, as it stands and with its own checksum made right, as someone with intent would.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "core/hash.h"
#include "data/shard_index.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

/// A folder for the index; removed at exit.
const std::filesystem::path& folder() {
  struct Scratch {
    std::filesystem::path path;
    Scratch() {
      std::string name = (std::filesystem::temp_directory_path() / "pathline-fuzz-XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) std::abort();
      path = name;
    }
    ~Scratch() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  static const Scratch scratch;
  return scratch.path;
}

void read(const std::string& text) {
  using namespace pathline;
  std::ofstream(folder() / data::index_file_name, std::ios::binary | std::ios::trunc) << text;
  fuzz::accepts([&] {
    const data::DatasetInfo info = data::read_index(folder());
    // What was accepted must be written and read again as the same.
    const std::string written = data::index_text(info);
    std::ofstream(folder() / data::index_file_name, std::ios::binary | std::ios::trunc) << written;
    if (data::index_text(data::read_index(folder())) != written) __builtin_trap();
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  read(text);
  const std::string key = "\"checksum\": \"";
  const std::size_t at = text.rfind(key);
  if (at == std::string::npos || text.size() - at < key.size() + 16) return 0;
  text.replace(at + key.size(), 16, std::string(16, '0'));
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(pathline::xxh3_64(text.data(), text.size())));
  read(text.replace(at + key.size(), 16, digits));
  return 0;
}
