// NumPy's arrays: the bytes as a .npy of samples and one of labels, or as a .npz if they begin as a zip does.

#include <string>

#include "data/sources/npy_source.h"
#include "tests/fuzz/fuzz_source.h"

namespace {

void read(const pathline::data::NpyInput& input, const pathline::data::ArrayOptions& options) {
  using namespace pathline;
  fuzz::accepts([&] {
    data::NpySource source(input, options);
    fuzz::read_samples(source);
  });
}

std::string three_vectors() {
  std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}";
  dictionary.resize(117, ' ');
  return std::string("\x93NUMPY\1\0\x76\0", 10) + dictionary + "\n" + std::string(24, '\0');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  static const fuzz::InputFolder folder;
  static const auto samples = folder.write("samples.npy", three_vectors());
  data::ArrayOptions as_pictures;
  as_pictures.range = {-1, 1};
  as_pictures.layout = data::Layout::nchw;
  as_pictures.picture.size = data::Extent{3, 5};
  as_pictures.picture.colour = data::Colour::grey;
  const auto bytes = fuzz::view(data, size);
  if (bytes.substr(0, 2) == "PK") {
    const auto archive = folder.write("input.npz", bytes);
    read({archive, "", "", {}}, {});
    read({archive, "a", "b", {}}, as_pictures);
  } else {
    const auto array = folder.write("input.npy", bytes);
    read({array, "", "", {}}, {});
    read({array, "", "", {}}, as_pictures);
    read({samples, "", "", array}, {});
  }
  return 0;
}
