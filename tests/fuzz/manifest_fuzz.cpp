// MANIFEST.json of a checkpoint.

#include <string>

#include "tests/fuzz/fuzz_input.h"
#include "trainer/checkpoint/checkpoint_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::accepts([&] {
    const Manifest manifest = parse_manifest(text, "MANIFEST.json");
    // Names that are not UTF-8 cannot have been parsed, so writing never fails.
    if (manifest_text(parse_manifest(manifest_text(manifest), "again")) != manifest_text(manifest)) __builtin_trap();
  });
  return 0;
}
