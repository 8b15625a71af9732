// Noise and data have nothing to do with each other: each sample keeps its own noise.

#include <numeric>

#include "flow/couplings/coupled_batch.h"

namespace pathline::flow::couplings {
namespace {

class Independent final : public Coupling {
 public:
  std::string text() const override { return "independent"; }
  bool hands_round() const override { return false; }
  std::vector<std::int64_t> partners(const CoupledBatch& batch) const override {
    std::vector<std::int64_t> own(static_cast<std::size_t>(batch.x0.size(0)));
    std::iota(own.begin(), own.end(), 0);
    return own;
  }
};

}  // namespace

MethodEntry<Coupling> independent() {
  return {"independent", "", "each sample keeps its own noise",
          [](const MethodArguments& arguments) -> std::shared_ptr<const Coupling> {
            arguments.expect_none();
            return std::make_shared<Independent>();
          }};
}

}  // namespace pathline::flow::couplings
