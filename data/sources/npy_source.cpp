#include "data/sources/npy_source.h"

#include <algorithm>

#include <fmt/format.h>

#include "data/sources/file_fingerprint.h"

namespace pathline::data {

namespace {

const std::vector<std::string> usual_images = {"images", "imgs", "image", "x", "X", "data", "arr_0"};
const std::vector<std::string> usual_labels = {"labels", "label", "y", "Y", "arr_1"};

void refuse_other_samples(const NpyArray& array) {
  static const std::vector<std::string> taken = {"|u1", "<f2", "<f4", "<f8"};
  const std::string& descr = array.header().descr;
  if (std::find(taken.begin(), taken.end(), descr) != taken.end()) return;
  array.stream().fail(fmt::format("numbers of type {}; expected |u1 (uint8), <f2, <f4 or <f8 (floats)", shown(descr)),
                      "convert the array, for example with array.astype('float32')");
}

}  // namespace

NpySource::NpySource(const NpyInput& input, const ArrayOptions& options)
    : ArraySource(options, input.path.filename().string()) {
  std::string fingerprint = file_fingerprint(input.path);
  std::unique_ptr<NpyArray> labels;
  if (input.path.extension() == ".npz") {
    const auto archive = std::make_shared<const ZipArchive>(input.path);
    const auto open = [&](const ZipEntry& entry) {
      return std::make_unique<NpyArray>(archive->stream(entry), archive, fingerprint);
    };
    const ZipEntry* member = choose_npz_member(*archive, input.array, usual_images, "--dataset");
    if (member == nullptr && archive->entries().size() == 1) member = &archive->entries().front();
    if (member == nullptr) choose_npz_member(*archive, usual_images.front(), {}, "--dataset");
    const ZipEntry* labels_member = nullptr;
    if (input.labels.empty())
      labels_member = choose_npz_member(*archive, input.labels_array, usual_labels, "--labels-dataset");
    array_ = open(*member);
    if (labels_member != nullptr && labels_member != member) labels = open(*labels_member);
  } else {
    array_ = open_npy_array(input.path);
  }
  refuse_other_samples(*array_);
  if (!input.labels.empty()) {
    labels = open_npy_array(input.labels);
    fingerprint += ", " + labels->facts().fingerprint;
  }
  begin(array_->facts().type, array_->facts().dims, input.path.stem().string(), std::move(fingerprint));
  array_->stream().expect_room(sample_bytes(), "a sample");
  if (labels != nullptr) set_labels(read_labels(*labels), {}, labels->facts().place);
}

}  // namespace pathline::data
