#pragma once
// Test problems with exact solutions in closed form. Thread-safety: values.

#include <functional>
#include <string>
#include <vector>

namespace pathline::solvers::conformance {

using State = std::vector<double>;

struct Problem {
  std::string name;
  std::function<void(double t, const State& y, State& out)> velocity;
  std::function<State(double t)> exact;  ///< one solution; its value at the grid's start is the initial state
};

/// y' = y cos t, y = c exp(sin t): linear, depends on time (DETEST A3).
Problem growth_in_waves();
/// Two damped rotations in four dimensions, y' = A y: the exact solution is the matrix exponential.
Problem damped_rotations();
/// y' = y (1 - y) cos t, y = 1 / (1 + c exp(-sin t)): the logistic equation with a varying rate, nonlinear.
Problem varying_logistic();
/// The three above.
std::vector<Problem> accuracy_problems();

}  // namespace pathline::solvers::conformance
