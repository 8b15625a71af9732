// The HDF5 structure of a shard, as it stands and with the checksums of its metadata made right, so that mutations
// reach what lies behind them.

#include "data/hdf5/hdf5_layout.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/hdf5_checksums.h"

namespace {

void look(const pathline::fuzz::Bytes& file) {
  using namespace pathline;
  const fuzz::InputFile input(file.data(), file.size());
  fuzz::accepts([&] {
    const data::Hdf5Layout layout(input.fd(), file.size(), file.size(), "fuzz.h5");
    fuzz::accepts([&] { layout.objects("conditions"); });
    for (const char* name : {"images", "labels", "checksums", "rows", "sequences", "condition_checksums",
                             "conditions/params", "conditions/sort", "conditions/params/params"}) {
      fuzz::accepts([&] {
        const data::StoredDataset found = layout.dataset(name);
        if (found.offset > file.size() || found.bytes > file.size() - found.offset) __builtin_trap();
      });
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const pathline::fuzz::Bytes file(data, data + size), repaired = pathline::fuzz::with_hdf5_checksums(file);
  look(file);
  if (repaired != file) look(repaired);
  return 0;
}
