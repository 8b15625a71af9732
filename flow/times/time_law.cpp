#include "flow/times/time_law.h"

#include <cmath>

#include <fmt/format.h>

#include "core/error.h"
#include "flow/fields/normal.h"

namespace pathline::flow {

TimeLaw TimeLaw::uniform() {
  return {Kind::uniform, 0, 1};
}

TimeLaw TimeLaw::logit_normal(double mean, double std) {
  if (!std::isfinite(mean)) {
    throw Error(ExitCode::usage, fmt::format("expected a finite mean of the logit-normal time law, found {}", mean),
                "flow.time");
  }
  if (!(std::isfinite(std) && std > 0)) {
    throw Error(ExitCode::usage,
                fmt::format("expected a positive standard deviation of the logit-normal time law, found {}", std),
                "flow.time");
  }
  return {Kind::logit_normal, mean, std};
}

TimeLaw TimeLaw::from_name(const std::string& name, double mean, double std) {
  if (name == "uniform") return uniform();
  if (name == "logit-normal") return logit_normal(mean, std);
  throw Error(ExitCode::usage, fmt::format("unknown time law '{}'", name), "flow.time",
              "known laws: uniform, logit-normal");
}

double TimeLaw::time(double u) const {
  if (kind_ == Kind::uniform) return u;
  return 1 / (1 + std::exp(-(mean_ + std_ * normal_quantile(u))));
}

double TimeLaw::cdf(double t) const {
  if (t <= 0) return 0;
  if (t >= 1) return 1;
  if (kind_ == Kind::uniform) return t;
  return normal_cdf((std::log(t / (1 - t)) - mean_) / std_);
}

std::string TimeLaw::describe() const {
  return kind_ == Kind::uniform ? "uniform" : fmt::format("logit-normal(mean {}, std {})", mean_, std_);
}

}  // namespace pathline::flow
