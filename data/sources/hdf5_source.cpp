#include "data/sources/hdf5_source.h"

#include <fmt/format.h>

namespace pathline::data {

namespace {

void refuse_other_samples(const Hdf5ArrayFacts& facts) {
  if (facts.type == NumberType::uint8 || is_float(facts.type)) return;
  throw Error(ExitCode::bad_input,
              fmt::format("numbers of type {}; expected uint8, float16, float32 or float64 (little-endian)",
                          to_string(facts.type)),
              facts.place, "convert the dataset first");
}

ArrayOptions adapted(ArrayOptions options, const Hdf5ArrayFacts& facts) {
  if (options.layout == Layout::automatic && facts.channels_first) options.layout = Layout::nchw;
  return options;
}

}  // namespace

Hdf5Source::Hdf5Source(std::unique_ptr<Hdf5Array> array, const ArrayOptions& options)
    : ArraySource(adapted(options, array->facts()), array->facts().file.filename().string()), array_(std::move(array)) {
  const Hdf5ArrayFacts& facts = array_->facts();
  refuse_other_samples(facts);
  begin(facts.type, facts.dims, facts.file.stem().string(), facts.fingerprint);
  if (!facts.labels_place.empty()) set_labels(array_->read_labels(), {}, facts.labels_place);
}

void Hdf5Source::read_values(std::uint64_t number, void* out) {
  array_->read(number, 1, out);
}

}  // namespace pathline::data
