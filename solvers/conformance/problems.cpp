#include "solvers/conformance/problems.h"

#include <cmath>

namespace pathline::solvers::conformance {
namespace {

/// f(c) for a few values of c: a state is a batch of independent solutions.
template <typename F>
State each(const State& constants, F f) {
  State values;
  for (const double c : constants) values.push_back(f(c));
  return values;
}

constexpr double damping[] = {0.5, 0.3}, frequency[] = {2, 1.5};

}  // namespace

Problem growth_in_waves() {
  return {"y' = y cos t",
          [](double t, const State& y, State& out) {
            for (std::size_t i = 0; i < y.size(); ++i) out[i] = y[i] * std::cos(t);
          },
          [](double t) {
            return each({1, -0.5, 2}, [t](double c) { return c * std::exp(std::sin(t)); });
          }};
}

Problem damped_rotations() {
  return {"damped rotations",
          [](double, const State& y, State& out) {
            for (std::size_t k = 0; k < 2; ++k) {
              out[2 * k] = -damping[k] * y[2 * k] - frequency[k] * y[2 * k + 1];
              out[2 * k + 1] = frequency[k] * y[2 * k] - damping[k] * y[2 * k + 1];
            }
          },
          [](double t) {
            State y;
            for (std::size_t k = 0; k < 2; ++k) {
              const double size = std::exp(-damping[k] * t), angle = frequency[k] * t + 0.4;
              y.push_back(size * std::cos(angle));
              y.push_back(size * std::sin(angle));
            }
            return y;
          }};
}

Problem varying_logistic() {
  return {"y' = y (1 - y) cos t",
          [](double t, const State& y, State& out) {
            for (std::size_t i = 0; i < y.size(); ++i) out[i] = y[i] * (1 - y[i]) * std::cos(t);
          },
          [](double t) {
            return each({0.5, 2, 5}, [t](double c) { return 1 / (1 + c * std::exp(-std::sin(t))); });
          }};
}

std::vector<Problem> accuracy_problems() {
  return {growth_in_waves(), damped_rotations(), varying_logistic()};
}

}  // namespace pathline::solvers::conformance
