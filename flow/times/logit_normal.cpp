// t = sigmoid(mean + std n), n ~ N(0, 1) (Esser et al., "Scaling Rectified Flow Transformers", 2024, section 3.1). In
// our direction of time a positive mean favours times near the data.

#include <cmath>

#include <fmt/format.h>

#include "flow/fields/normal.h"
#include "flow/times/time_distribution.h"

namespace pathline::flow::times {
namespace {

class LogitNormal final : public TimeDistribution {
 public:
  LogitNormal(double mean, double std) : mean_(mean), std_(std) {}
  std::string text() const override { return fmt::format("logit-normal:{},{}", mean_, std_); }
  double quantile(double u) const override { return 1 / (1 + std::exp(-(mean_ + std_ * normal_quantile(u)))); }

 private:
  double mean_, std_;
};

}  // namespace

MethodEntry<TimeDistribution> logit_normal() {
  return {"logit-normal", ":MEAN,STD",
          "sigmoid of a normal draw; a positive mean favours times near the data; 0,1 if left out",
          [](const MethodArguments& arguments) -> std::shared_ptr<const TimeDistribution> {
            std::vector<double> numbers = arguments.numbers(0, 2);
            if (numbers.empty()) numbers = {0, 1};
            if (numbers.size() == 1) arguments.fail("expected a mean and a standard deviation");
            if (!(numbers[1] > 0)) arguments.fail("expected a positive standard deviation");
            return std::make_shared<LogitNormal>(numbers[0], numbers[1]);
          }};
}

}  // namespace pathline::flow::times
