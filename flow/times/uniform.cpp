#include "flow/times/time_distribution.h"

namespace pathline::flow::times {
namespace {

class Uniform final : public TimeDistribution {
 public:
  std::string text() const override { return "uniform"; }
  double quantile(double u) const override { return u; }
};

}  // namespace

MethodEntry<TimeDistribution> uniform() {
  return {"uniform", "", "every time equally often",
          [](const MethodArguments& arguments) -> std::shared_ptr<const TimeDistribution> {
            arguments.expect_none();
            return std::make_shared<Uniform>();
          }};
}

}  // namespace pathline::flow::times
