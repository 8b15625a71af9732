// IDX files, plain or gzipped: the bytes as a file of images, then as a file of labels.

#include <string>

#include "data/sources/idx_source.h"
#include "tests/fuzz/fuzz_source.h"

namespace {

std::string idx_head(unsigned kind, std::uint32_t count) {
  std::string head = {0, 0, 8, static_cast<char>(kind)};
  for (int shift = 24; shift >= 0; shift -= 8) head += static_cast<char>(count >> shift);
  return head;
}

void read(const std::filesystem::path& images, const std::filesystem::path& labels) {
  using namespace pathline;
  fuzz::accepts([&] {
    data::IdxSource source({images, labels}, {}, "fuzz");
    fuzz::read_samples(source);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using pathline::fuzz::view;
  static const pathline::fuzz::InputFolder folder;
  static const auto three_images =
      folder.write("three-images", idx_head(3, 3) + std::string({0, 0, 0, 2, 0, 0, 0, 1}) + "abcdef");
  const auto input = folder.write("input", view(data, size));
  read(three_images, input);

  // As many labels as the images say, so that they are reached.
  std::uint32_t count = 0;
  for (std::size_t i = 4; i < 8 && i < size; ++i) count = count << 8 | data[i];
  if (count > 1000) count = 3;
  read(input, folder.write("labels", idx_head(1, count) + std::string(count, '\1')));
  return 0;
}
