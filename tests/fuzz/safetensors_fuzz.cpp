// A safetensors file: header, layout, and the bytes of every tensor.

#include <vector>

#include "core/safetensors.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  const fuzz::InputFile file(data, size);
  fuzz::accepts([&] {
    const SafetensorsReader reader(file.path());
    std::uint64_t bytes = 0;
    for (const SafetensorsEntry& entry : reader.entries()) {
      std::vector<char> values(entry.bytes);
      reader.read(entry, values.data());
      bytes += entry.bytes;
      if (reader.find(entry.name) == nullptr) __builtin_trap();
    }
    if (bytes > size) __builtin_trap();  // tensors must not share bytes
  });
  return 0;
}
