#include "tools/sweep/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "tools/sweep/text.h"

namespace pathline::tools {

namespace {

/// A logarithmic axis from value range to pixels, ends rounded outwards to ticks.
class LogAxis {
 public:
  LogAxis(double low, double high, double pixel_low, double pixel_high)
      : pixel_low_(pixel_low), pixel_high_(pixel_high) {
    fine_ = high / low < 200;
    low_ = std::log10(round_to_tick(low, false));
    high_ = std::log10(round_to_tick(high, true));
    if (high_ - low_ < 1e-9) high_ = low_ + 1;
  }
  double operator()(double value) const {
    return pixel_low_ + (std::log10(value) - low_) / (high_ - low_) * (pixel_high_ - pixel_low_);
  }
  /// 1, 10, 100 … over many decades, 1, 2, 5, 10 … over few.
  std::vector<double> ticks() const {
    std::vector<double> ticks;
    const int every = std::max(1, static_cast<int>((high_ - low_) / 9) + 1);
    for (int decade = static_cast<int>(std::floor(low_)); decade <= static_cast<int>(std::ceil(high_)); ++decade) {
      for (double mantissa : {1.0, 2.0, 5.0}) {
        if (mantissa != 1.0 && !fine_) continue;
        if (!fine_ && decade % every != 0) continue;
        const double value = mantissa * std::pow(10.0, decade);
        if (std::log10(value) >= low_ - 1e-9 && std::log10(value) <= high_ + 1e-9) ticks.push_back(value);
      }
    }
    return ticks;
  }

 private:
  double round_to_tick(double value, bool up) const {
    const double decade = std::pow(10.0, std::floor(std::log10(value) + 1e-9));
    const double mantissa = value / decade;
    if (!fine_) return up && mantissa > 1 + 1e-9 ? 10 * decade : decade;
    const std::array<double, 4> ticks = {1, 2, 5, 10};
    if (up) return decade * *std::find_if(ticks.begin(), ticks.end(), [&](double t) { return t >= mantissa - 1e-9; });
    return decade * *std::find_if(ticks.rbegin(), ticks.rend(), [&](double t) { return t <= mantissa + 1e-9; });
  }
  double low_ = 0, high_ = 1, pixel_low_, pixel_high_;
  bool fine_ = false;
};

/// Each solver has a colour and a shape, so that the plot also reads in grey.
std::string marker(std::size_t series, double x, double y) {
  constexpr double r = 4.5;
  switch (series % 4) {
    case 0:
      return fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>)", x, y, r);
    case 1:
      return fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>)", x - r + 0.5, y - r + 0.5,
                         2 * r - 1, 2 * r - 1);
    case 2:
      return fmt::format(R"(<path d="M{:.1f} {:.1f}l{:.1f} {:.1f}h{:.1f}z"/>)", x, y - r - 1, r + 0.8, 2 * r,
                         -2 * r - 1.6);
    default:
      return fmt::format(R"(<path d="M{:.1f} {:.1f}l{:.1f} {:.1f}l{:.1f} {:.1f}l{:.1f} {:.1f}z"/>)", x, y - r - 1,
                         r + 1, r + 1, -r - 1, r + 1, -r - 1, -r - 1);
  }
}

/// Powers of ten on the error axis, plain numbers on the cost axis.
std::string tick_label(double value, bool plain) {
  if (plain) return fmt::format("{:g}", value);
  const int exponent = static_cast<int>(std::floor(std::log10(value) + 1e-9));
  const double mantissa = value / std::pow(10.0, exponent);
  return mantissa < 1.5 ? "10" + superscript(exponent) : fmt::format("{:.0f}·10{}", mantissa, superscript(exponent));
}

constexpr double width = 860, height = 470, left = 78, right = 160, top = 18, bottom = 56;

double cost_of(const SweepCell& cell, Cost cost, std::int64_t count) {
  return cost == Cost::evaluations ? cell.outcome.evaluations : cell.outcome.seconds / static_cast<double>(count);
}

class Plot {
 public:
  Plot(const Sweep& sweep, std::size_t model, Cost cost)
      : sweep_(sweep), model_(sweep.models[model]), cost_(cost), lines_(solver_lines(sweep, model)) {}

  std::string svg() const {
    double x_low = HUGE_VAL, x_high = 0, y_low = HUGE_VAL, y_high = 0;
    for (const SolverLine& line : lines_) {
      for (const SweepCell* cell : line.points) {
        const double work = cost_of(*cell, cost_, sweep_.count);
        x_low = std::min(x_low, work);
        x_high = std::max(x_high, work);
        y_low = std::min(y_low, cell->outcome.rms_error);
        y_high = std::max(y_high, cell->outcome.rms_error);
      }
    }
    if (x_high == 0 || x_low == 0) {
      return "<p>No solver reached the end with a measurable error, so there is nothing to plot.</p>\n";
    }
    const LogAxis x(x_low, x_high, left, width - right), y(y_low, y_high, height - bottom, top);
    std::string out = fmt::format(
        "<svg class=\"plot\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"RMS error of the endpoint "
        "against {} per sample, one line per solver\">\n",
        width, height, cost_ == Cost::evaluations ? "evaluations" : "seconds");
    out += frame(x, y);
    for (std::size_t s = 0; s < lines_.size(); ++s) out += series(s, x, y);
    return out + "</svg>\n";
  }

 private:
  std::string frame(const LogAxis& x, const LogAxis& y) const {
    std::string out;
    for (double value : x.ticks()) {
      out += fmt::format(
          R"(<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/><text x="{0:.1f}" y="{3:.1f}" text-anchor="middle">{4}</text>)"
          "\n",
          x(value), top, height - bottom, height - bottom + 19, tick_label(value, true));
    }
    for (double value : y.ticks()) {
      out += fmt::format(
          R"(<line class="grid" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3:.1f}" y="{4:.1f}" text-anchor="end">{5}</text>)"
          "\n",
          left, width - right, y(value), left - 9, y(value) + 4, tick_label(value, false));
    }
    if (model_.reference_uncertainty > 0) {
      const double level = std::max(y(model_.reference_uncertainty), top);
      if (level < height - bottom) {
        out += fmt::format(
            R"(<rect class="floor" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/><text class="note" x="{:.1f}" y="{:.1f}">below this the reference itself is uncertain</text>)"
            "\n",
            left, level, width - right - left, height - bottom - level, left + 8,
            std::min(level + 15, height - bottom - 5));
      }
    }
    return out +
           fmt::format(
               R"(<path class="axis" d="M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}"/>)"
               "\n"
               R"(<text class="title" x="{4:.1f}" y="{5:.1f}" text-anchor="middle">{7}</text>)"
               "\n"
               R"svg(<text class="title" transform="translate(18 {6:.1f}) rotate(-90)" text-anchor="middle">RMS error of the endpoint</text>)svg"
               "\n",
               left, top, height - bottom, width - right, (left + width - right) / 2, height - 12,
               (top + height - bottom) / 2,
               cost_ == Cost::seconds ? "seconds per sample (network and solver)"
               : model_.closed_form() ? "evaluations of the field per sample"
               : model_.passes_per_evaluation == 1
                   ? "network evaluations per sample"
                   : fmt::format("network evaluations per sample ({} passes each)", model_.passes_per_evaluation));
  }

  std::string series(std::size_t s, const LogAxis& x, const LogAxis& y) const {
    const SolverLine& line = lines_[s];
    const char* dashed = line.cells.front()->adaptive ? " adaptive" : "";
    // By cost of this plot: seconds need not grow with evaluations.
    std::vector<std::pair<double, const SweepCell*>> points;
    for (const SweepCell* cell : line.points) points.emplace_back(cost_of(*cell, cost_, sweep_.count), cell);
    std::stable_sort(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

    std::string out = fmt::format("<g class=\"series c{}\">", s % plot_colours), path;
    for (const auto& [work, cell] : points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(work), y(cell->outcome.rms_error));
    }
    if (points.size() > 1) out += fmt::format(R"(<path class="curve{}" d="{}"/>)", dashed, path);
    for (const auto& [work, cell] : points) {
      out += fmt::format("<g class=\"point{}\"><title>{}</title>{}</g>", sweep_.near_reference(*cell) ? " hollow" : "",
                         tooltip(*cell), marker(s, x(work), y(cell->outcome.rms_error)));
    }
    const double legend_x = width - right + 22, legend_y = top + 12 + 24 * static_cast<double>(s);
    return out +
           fmt::format(R"(<path class="curve{}" d="M{:.1f} {:.1f}h24"/>{}<text x="{:.1f}" y="{:.1f}">{}</text></g>)"
                       "\n",
                       dashed, legend_x, legend_y, marker(s, legend_x + 12, legend_y), legend_x + 33, legend_y + 4,
                       html(line.solver));
  }

  std::string tooltip(const SweepCell& cell) const {
    const CellOutcome& outcome = cell.outcome;
    return fmt::format(
        "{}, {}\n{:g} evaluations, {} s per sample\nRMS error {}\nhalf of the samples below {}, 99 % below {}{}",
        html(cell.solver), html(cell.budget()), outcome.evaluations,
        readable(outcome.seconds / static_cast<double>(sweep_.count)), readable(outcome.rms_error),
        readable(percentile(outcome.sample_rms, 0.5)), readable(percentile(outcome.sample_rms, 0.99)),
        sweep_.near_reference(cell) ? "\nnear the error of the reference" : "");
  }

  const Sweep& sweep_;
  const SweepModel& model_;
  Cost cost_;
  std::vector<SolverLine> lines_;
};

}  // namespace

std::vector<SolverLine> solver_lines(const Sweep& sweep, std::size_t model) {
  std::vector<SolverLine> lines;
  for (const SweepCell* cell : sweep.cells_of(model)) {
    auto it =
        std::find_if(lines.begin(), lines.end(), [&](const SolverLine& line) { return line.solver == cell->solver; });
    if (it == lines.end()) it = lines.insert(lines.end(), SolverLine{cell->solver, {}, {}});
    it->cells.push_back(cell);
    const CellOutcome& outcome = cell->outcome;
    if (outcome.done() && outcome.rms_error > 0 && outcome.evaluations > 0) it->points.push_back(cell);
  }
  for (SolverLine& line : lines) {
    // At equal cost the less accurate first, so that the line never turns back.
    std::sort(line.points.begin(), line.points.end(), [](const SweepCell* a, const SweepCell* b) {
      return std::pair(a->outcome.evaluations, -a->outcome.rms_error) <
             std::pair(b->outcome.evaluations, -b->outcome.rms_error);
    });
  }
  return lines;
}

std::string work_precision_svg(const Sweep& sweep, std::size_t model, Cost cost) {
  return Plot(sweep, model, cost).svg();
}

}  // namespace pathline::tools
