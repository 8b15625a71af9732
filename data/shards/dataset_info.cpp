#include "data/shards/dataset_info.h"

namespace pathline::data {

std::string DatasetInfo::samples_path() const {
  return std::string("/") + samples_noun(shape.kind());
}

std::vector<unsigned long long> DatasetInfo::samples_dims(std::uint64_t samples) const {
  std::vector<unsigned long long> dims = {samples};
  for (const std::int64_t size : shape.sizes()) dims.push_back(static_cast<unsigned long long>(size));
  if (shape.kind() == SampleKind::picture) dims = {dims[0], dims[2], dims[3], dims[1]};  // channels last
  return dims;
}

const char* samples_noun(SampleKind kind) {
  switch (kind) {
    case SampleKind::picture:
      return "images";
    case SampleKind::vector:
      return "rows";
    case SampleKind::sequence:
      return "sequences";
  }
  return "samples";
}

}  // namespace pathline::data
