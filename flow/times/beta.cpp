// t = MAX b, b ~ Beta(A, B), with density b^(A-1) (1-b)^(B-1) / B(A, B). A below B favours times near the noise. Robot
// policies train so (Black et al., "pi0: A Vision-Language-Action Flow Model for General Robot Control", 2024: noise
// time s = 0.999 (1 - Beta(1.5, 1)), in our direction of time nearly beta:1.5,1).

#include <boost/math/special_functions/beta.hpp>
#include <fmt/format.h>

#include "flow/times/time_distribution.h"

namespace pathline::flow::times {
namespace {

class Beta final : public TimeDistribution {
 public:
  Beta(double a, double b, double most) : a_(a), b_(b), most_(most) {}
  std::string text() const override {
    return most_ == 1 ? fmt::format("beta:{},{}", a_, b_) : fmt::format("beta:{},{},{}", a_, b_, most_);
  }
  /// The inverse of the regularised incomplete beta function.
  double quantile(double u) const override { return most_ * boost::math::ibeta_inv(a_, b_, u); }

 private:
  double a_, b_, most_;
};

}  // namespace

MethodEntry<TimeDistribution> beta() {
  return {"beta", ":A,B[,MAX]", "MAX (1 if left out) times a Beta(A, B) draw; A above B favours times near the data",
          [](const MethodArguments& arguments) -> std::shared_ptr<const TimeDistribution> {
            constexpr double kSmallest = 0.01, kLargest = 1000;  // beyond, nearly all draws are one number
            const std::vector<double> numbers = arguments.numbers(2, 3);
            for (std::size_t i = 0; i < 2; ++i) {
              if (!(numbers[i] >= kSmallest && numbers[i] <= kLargest))
                arguments.fail(fmt::format("expected A and B from {} to {}", kSmallest, kLargest));
            }
            const double most = numbers.size() == 3 ? numbers[2] : 1;
            if (!(most > 0 && most <= 1)) arguments.fail("expected MAX above 0 and at most 1");
            return std::make_shared<Beta>(numbers[0], numbers[1], most);
          }};
}

}  // namespace pathline::flow::times
