#pragma once
// Work-precision plots: error against cost, both logarithmic, a line per solver, as inline SVG whose colours come from
// the style sheet of the page. Pure functions.

#include <string>
#include <vector>

#include "tools/sweep/results.h"

namespace pathline::tools {

/// The cells of one solver on one model.
struct SolverLine {
  std::string solver;
  std::vector<const SweepCell*> cells;   ///< all, in the order of the sweep
  std::vector<const SweepCell*> points;  ///< those that can be drawn, by evaluations
};

/// In the order in which solvers first occur.
std::vector<SolverLine> solver_lines(const Sweep& sweep, std::size_t model);

/// Number of colours in the style sheet: series s has the class "c" + s % colours, everywhere on the page.
constexpr std::size_t plot_colours = 8;

enum class Cost { evaluations, seconds };

/// The plot of one model. Points whose error is no larger than three times the reference's own are hollow.
std::string work_precision_svg(const Sweep& sweep, std::size_t model, Cost cost);

}  // namespace pathline::tools
