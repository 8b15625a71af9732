// index.json of a shard folder, as it stands and with its own checksum made right, as someone with intent would.

#include <cstdio>
#include <string>

#include "core/hash.h"
#include "data/shards/shard_index.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

void read(const std::string& text) {
  using namespace pathline;
  static const fuzz::InputFolder folder;
  folder.write(data::index_file_name, text);
  fuzz::accepts([&] {
    const data::DatasetInfo info = data::read_index(folder.path());
    // What was accepted must be written and read again as the same.
    const std::string written = data::index_text(info);
    folder.write(data::index_file_name, written);
    if (data::index_text(data::read_index(folder.path())) != written) __builtin_trap();
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
