// CIFAR's records, and the names of its classes, as CIFAR-10 and as CIFAR-100: as they stand, and cut to whole records.

#include "data/sources/cifar_source.h"
#include "tests/fuzz/fuzz_source.h"

namespace {

void read(std::string_view records, int classes) {
  using namespace pathline;
  static const fuzz::InputFolder folder;
  const auto file = folder.write("test_batch.bin", records);
  folder.write(classes == 10 ? "batches.meta.txt" : "fine_label_names.txt", records.substr(0, 2048));
  fuzz::accepts([&] {
    data::CifarSource source(file, classes, "test", {});
    fuzz::read_samples(source);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto records = pathline::fuzz::view(data, size);
  for (const int classes : {10, 100}) {
    const std::size_t record = 32 * 32 * 3 + (classes == 100 ? 2 : 1);
    read(records, classes);
    if (size > record && size % record != 0) read(records.substr(0, size - size % record), classes);
  }
  return 0;
}
