#pragma once
// Where the samples of a conversion come from: one interface in front of every kind of input (data/*_source.h).
//
// A source numbers what it found 0 ... count-1 in an order that depends on the input alone. Reading a sample is split
// in two, so that decoding scales with threads while streams are still read front to back: fetch() is called by one
// thread at a time with ascending numbers, decode() by any number of threads at once.
//
// Errors: BadSample for a sample that cannot be used while its neighbours can; any other Error means that the input as
// a whole cannot be used.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/sample_shape.h"
#include "data/shards/dataset_info.h"

namespace pathline::data {

/// This one sample cannot be used; message() says why. Whoever catches it knows which one.
class BadSample : public Error {
 public:
  explicit BadSample(const std::string& reason) : Error(ExitCode::bad_input, reason) {}
};

struct Sample {
  std::vector<std::byte> values;  ///< [H, W, C], [D] or [H, D], of the source's dtype
  std::int64_t label = -1;
  ConditionValues conditions;  ///< one for each of the source's conditions
};

/// What is known of an input before its samples are read.
struct SourceFacts {
  std::uint64_t count = 0;                 ///< samples found
  SampleShape shape;                       ///< of every sample as decode() gives it
  std::string dtype = "uint8";             ///< or "float32"
  std::vector<std::string> class_names;    ///< empty: labels are all -1
  std::vector<ConditionArray> conditions;  ///< mean and scale not filled in
  std::string name;                        ///< for the set, where the user gives none
  std::string fingerprint;                 ///< changes when the input does: names, sizes, times of change
  std::string remark;                      ///< something a person should know about what was found; may be empty
};

class SampleSource {
 public:
  SampleSource() = default;
  SampleSource(const SampleSource&) = delete;
  SampleSource& operator=(const SampleSource&) = delete;
  virtual ~SampleSource() = default;

  virtual const SourceFacts& facts() const = 0;
  /// What a person calls this sample: "cats/1.png", "images[7]".
  virtual std::string sample_name(std::uint64_t number) const = 0;
  /// Whatever of sample `number` must be read in turn, into `raw`. Ascending numbers; gaps are allowed.
  virtual void fetch(std::uint64_t number, std::vector<std::byte>& raw) = 0;
  /// The sample from what fetch() left in `raw`. Thread-safe.
  virtual void decode(std::uint64_t number, std::span<const std::byte> raw, Sample& out) const = 0;
};

}  // namespace pathline::data
