#pragma once
// Non-stationary solver tables (docs/formats/solver-tables.md): n evaluations with coefficients of their own on a time
// grid of their own,
//   u_i = v(x_i, t_i),   x_{i+1} = a_i x_0 + sum_{j<=i} b_ij u_j,   i = 0 … n-1,
// the family of Shaul et al., "Bespoke Non-Stationary Solvers", arXiv 2403.01329. Euler, Heun, midpoint and
// Adams-Bashforth are members on any grid. Plain numbers, no LibTorch. Thread-safety: a value.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pathline::tools {

struct SolverTable {
  std::vector<double> t;               ///< n + 1 times, from 0 to 1
  std::vector<double> a;               ///< n
  std::vector<std::vector<double>> b;  ///< n rows, of 1 … n numbers

  std::size_t evaluations() const { return a.size(); }
};

/// Two neighbouring times are at least this far apart in tables that are made here.
constexpr double smallest_gap = 1e-4;

/// Known methods on ascending times t_0 = 0 … t_n = 1, with n evaluations (euler, ab2_from_euler), n + 1 (ab2) or 2n,
/// which are set at least `gap` apart and from 1. Only Heun's need that: it evaluates twice at one time, and at 1. With
/// gap 0 it is Heun to the letter, but no table that the format allows.
SolverTable euler_table(const std::vector<double>& times, double gap);
/// Two-step Adams-Bashforth with variable steps; the first step is one of the midpoint method, as in the plugin ab2.
SolverTable ab2_table(const std::vector<double>& times, double gap);
SolverTable ab2_from_euler_table(const std::vector<double>& times, double gap);  ///< the first step is Euler's
SolverTable midpoint_table(const std::vector<double>& times, double gap);
SolverTable heun_table(const std::vector<double>& times, double gap);

/// The same solver with one more evaluation in the middle of the longest gap, whose velocity nobody uses yet.
SolverTable with_idle_evaluation(const SolverTable& table);

/// Times ascend by at least half of smallest_gap, and all numbers are finite and at most 10^6.
bool is_valid(const SolverTable& table);

/// The file's text; each line of `comments` becomes a comment line.
std::string to_text(const SolverTable& table, const std::vector<std::string>& comments);
/// What to_text wrote, or any table of kind non-stationary. Error(bad_input) with `place` and the line number.
SolverTable parse_table(std::string_view text, const std::string& place);

}  // namespace pathline::tools
