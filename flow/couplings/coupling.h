#pragma once
// Which noise each sample of a global batch gets. Noise is drawn for the sample it is keyed to, whatever happens to it
// then; a coupling only hands it round. So it stays a pure function of (seed, epoch, sample), and the pairs are those
// of the global batch, not of a rank's share. Docs: docs/method.md.
//
// Thread-safety: immutable. No LibTorch here.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flow/method_table.h"

namespace pathline::flow {

struct CoupledBatch;  // flow/couplings/coupled_batch.h

class Coupling {
 public:
  virtual ~Coupling() = default;
  /// The word and arguments that make it: "independent".
  virtual std::string text() const = 0;
  /// Whether noise is handed round at all. Where it is not, nobody has to bring the global batch together.
  virtual bool hands_round() const = 0;
  /// For each sample of the global batch the place in it of the sample whose noise it gets: a permutation. The same on
  /// every rank, being a function of the batch alone.
  virtual std::vector<std::int64_t> partners(const CoupledBatch& batch) const = 0;
};

MethodTable<Coupling> coupling_table();

/// Throws Error(usage), without a place, for a text that names none.
std::shared_ptr<const Coupling> make_coupling(std::string_view text);

}  // namespace pathline::flow
