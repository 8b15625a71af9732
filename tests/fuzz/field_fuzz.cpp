// A field file: the Gaussian mixture of `sample --field` and `sweep --field`.

#include "flow/fields/mixture_file.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pathline;
  const fuzz::InputFile file(data, size);
  fuzz::accepts([&] {
    const flow::Mixture mixture = flow::read_mixture(file.path());
    const std::size_t components = mixture.weights.size();
    if (components == 0 || mixture.means.size() != components || mixture.sigmas.size() != components ||
        mixture.shape.size() != 3)
      __builtin_trap();
  });
  return 0;
}
