// HDF5 files of others, as the converter reads them. Most of what runs here is the HDF5 library.

#include "data/sources/hdf5_source.h"
#include "tests/fuzz/fuzz_source.h"
#include "tests/fuzz/hdf5_checksums.h"

namespace {

void read(const std::filesystem::path& file, const std::string& dataset, const std::string& labels) {
  using namespace pathline;
  fuzz::accepts([&] {
    data::Hdf5Source source(data::open_hdf5_array({file, dataset, labels, {}}), {});
    fuzz::read_samples(source);
  });
}

void read(std::string_view bytes) {
  static const pathline::fuzz::InputFolder folder;
  const auto file = folder.write("input.h5", bytes);
  read(file, "", "");
  read(file, "g*/d*", "/labels");
}

}  // namespace

// HDF5 1.10 leaks what it has decoded of metadata it then refuses.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libhdf5";
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  const fuzz::Bytes file(data, data + size), repaired = fuzz::with_hdf5_checksums(file);
  read(fuzz::view(data, size));
  if (repaired != file) read(fuzz::view(repaired.data(), size));
  return 0;
}
