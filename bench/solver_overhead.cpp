// What a solver plugin costs per step beyond the network: a one-operation field (dy/dt = -y) on [64, 3, 32, 32] float32
// in one thread, beside the same Euler loop written by hand on LibTorch, in place. All variants take turns within each
// round, so that a change of the machine's load hits them alike. Prints the median and the fastest round, in
// microseconds of CPU time per step. bench/solver_overhead_peers.py runs it beside other programs' solvers.
//
//   solver_overhead [ROUNDS]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "solvers/solver_host.h"

namespace {

using namespace pathline::solvers;

constexpr int steps = 100;

struct Variant {
  std::string name;
  std::function<int()> run;  // returns the steps taken
  std::vector<double> microseconds_per_step;
};

/// CPU time of this thread: all work is done in it, and what other programs take from it does not count.
double thread_microseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

void field(double, const at::Tensor& y, at::Tensor& out) {
  at::neg_out(out, y);
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 30;
  at::set_num_threads(1);
  const at::NoGradGuard no_grad;
  const at::Tensor start = at::randn({64, 3, 32, 32});
  at::Tensor y = start.clone();
  IntegrateOptions fixed, adaptive;
  fixed.grid = make_grid("uniform", steps);
  adaptive.grid = {0, 1};
  adaptive.rtol = adaptive.atol = 1e6;  // every step is accepted, and none is longer than 1/steps
  adaptive.parameters = {{"first_step", 1.0 / steps}, {"max_step", 1.0 / steps}};

  std::vector<Variant> variants;
  variants.push_back({"LibTorch loop in place",
                      [&] {
                        at::Tensor velocity = at::empty_like(y);
                        for (int i = 0; i < steps; ++i) {
                          at::neg_out(velocity, y);
                          y.add_(velocity, 1.0 / steps);
                        }
                        return steps;
                      },
                      {}});
  for (const std::string name : {"euler", "midpoint", "heun", "rk4", "ab2", "bosh3", "dopri5", "tsit5"}) {
    const auto solver = find_solver(name);
    variants.push_back({name,
                        [&, solver] {
                          const IntegrateResult result =
                              integrate(*solver, y, field, solver->info().adaptive ? adaptive : fixed);
                          return static_cast<int>(result.accepted + result.rejected);
                        },
                        {}});
  }

  for (int round = 0; round <= rounds; ++round) {
    for (Variant& variant : variants) {
      y.copy_(start);
      const double begin = thread_microseconds();
      const int taken = variant.run();
      const double elapsed = thread_microseconds() - begin;
      if (round > 0) variant.microseconds_per_step.push_back(elapsed / taken);  // the first warms up
    }
  }
  std::printf("%-24s %10s %10s   (microseconds of CPU time per step, %d rounds of %d steps)\n", "", "median", "fastest",
              rounds, steps);
  for (Variant& variant : variants) {
    std::vector<double>& times = variant.microseconds_per_step;
    std::sort(times.begin(), times.end());
    std::printf("%-24s %10.1f %10.1f\n", variant.name.c_str(), times[times.size() / 2], times.front());
  }
  return 0;
}
