// An adaptive solver in C++: Heun's method (order 2) with the Euler step inside it as error estimate (order 1).
#include <algorithm>
#include <cmath>

#include <pathline/solver.hpp>

namespace {

using namespace pathline::plugin;

struct AdaptiveHeun {
  static constexpr Description description{"adaptive-heun",
                                           "Adaptive Heun 2(1)",
                                           "1.0.0",
                                           "Heun's method, steps by the distance to Euler's.",
                                           2,
                                           2,
                                           PATHLINE_ADAPTIVE | PATHLINE_DESCENDING,
                                           1};
  static constexpr pathline_parameter parameters[] = {
      real("first_step", "size of the first attempted step, as a part of the interval", 1e-6, 1, 0.01),
      integer("max_attempts", "attempted steps before it stops with too_many_steps", 1, 1e9, 100000)};

  explicit AdaptiveHeun(const Values& values) : first_step(values["first_step"]), most(values["max_attempts"]) {}

  void integrate(const Host& host, const Problem& problem, State y) {
    if (problem.empty()) return;
    Vector k1 = host.clone(y), k2 = host.clone(y), next = host.clone(y), error = host.clone(y);
    const double end = problem.end_time(), interval = end - problem.start();
    double t = problem.start(), size = first_step * std::fabs(interval);
    int not_finite = 0;
    host.rhs(t, y, k1);
    for (double attempts = 0; t != end; ++attempts) {
      if (attempts >= most) host.fail(PATHLINE_TOO_MANY_STEPS, "stopped after max_attempts attempted steps");
      const bool last = size >= std::fabs(end - t);
      if (!last && size < 1e-14 * std::max(std::fabs(t), std::fabs(interval))) {
        host.fail(PATHLINE_STEP_TOO_SMALL, "the step size became too small");
      }
      const double t_next = last ? end : t + std::copysign(size, interval), h = t_next - t;
      host.lincomb(next, {{1, y}, {h, k1}});
      host.rhs(t_next, next, k2);
      host.lincomb(next, {{1, y}, {h / 2, k1}, {h / 2, k2}});
      host.lincomb(error, {{h / 2, k1}, {-h / 2, k2}});
      const double norm = host.error_norm(error, y, next, problem.rtol(), problem.atol());
      if (norm <= 1) {  // false for NaN
        host.lincomb(y, {{1, next}});
        t = t_next;
        host.step_done(t, h, y, norm);
        if (t != end) host.rhs(t, y, k1);
      } else {
        host.step_rejected(t, h, y, norm);
        if (std::isnan(norm) && ++not_finite == 5) host.fail(PATHLINE_NON_FINITE, "the velocity is not finite");
      }
      size = std::fabs(h) * (std::isnan(norm) ? 0.25 : std::clamp(0.9 / std::sqrt(norm), 0.2, 5.0));
    }
  }

  double first_step, most;
};

}  // namespace

PATHLINE_EXPORT_SOLVERS(AdaptiveHeun)
