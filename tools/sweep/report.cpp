#include "tools/sweep/report.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "sampling/picture.h"
#include "sampling/sample_file.h"
#include "tools/sweep/output.h"
#include "tools/sweep/plot.h"
#include "tools/sweep/report_style.h"
#include "tools/sweep/text.h"

namespace pathline::tools {

namespace {

std::string dot(std::size_t series) {
  return fmt::format("<span class=\"dot c{}\"></span>", series % plot_colours);
}

/// Slope of log error over log evaluations between the two largest budgets: the order seen; 0 when there are not two.
double measured_order(const SolverLine& line) {
  const std::size_t n = line.points.size();
  if (n < 2 || line.points.front()->adaptive) return 0;
  const CellOutcome &a = line.points[n - 2]->outcome, &b = line.points[n - 1]->outcome;
  if (a.evaluations == b.evaluations) return 0;
  return -std::log(b.rms_error / a.rms_error) / std::log(b.evaluations / a.evaluations);
}

// Equal cost
// ---------------------------------------------------------------------------------------------------------------------

/// The rows of the table at equal cost: the numbers of evaluations of fixed-step cells, and what adaptive cells took
/// beyond those.
std::vector<double> budgets_of(const std::vector<SolverLine>& lines) {
  std::set<double> fixed, adaptive;
  for (const SolverLine& line : lines) {
    for (const SweepCell* cell : line.points) (cell->adaptive ? adaptive : fixed).insert(cell->outcome.evaluations);
  }
  std::vector<double> budgets(fixed.begin(), fixed.end());
  std::copy_if(adaptive.begin(), adaptive.end(), std::back_inserter(budgets),
               [&](double evaluations) { return fixed.empty() || evaluations > *fixed.rbegin(); });
  return budgets;
}

/// The most accurate cell that costs no more than `budget`; null if there is none.
const SweepCell* best_within(const SolverLine& line, double budget) {
  const SweepCell* best = nullptr;
  for (const SweepCell* cell : line.points) {
    if (cell->outcome.evaluations > budget) continue;
    if (!best || cell->outcome.rms_error < best->outcome.rms_error) best = cell;
  }
  return best;
}

const SweepCell* best_of_all(const std::vector<SolverLine>& lines, double budget) {
  const SweepCell* best = nullptr;
  for (const SolverLine& line : lines) {
    const SweepCell* cell = best_within(line, budget);
    if (cell && (!best || cell->outcome.rms_error < best->outcome.rms_error)) best = cell;
  }
  return best;
}

/// One sentence on who is best at the middle budget, the usual question first.
std::string finding(const std::vector<SolverLine>& lines) {
  std::vector<double> budgets = budgets_of(lines);
  std::erase_if(budgets, [&](double budget) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const SolverLine& line) { return best_within(line, budget) != nullptr; }) < 2;
  });
  if (budgets.empty()) return "";
  const double budget = budgets[budgets.size() / 2];
  const SweepCell* best = best_of_all(lines, budget);
  std::vector<double> others;
  for (const SolverLine& line : lines) {
    const SweepCell* cell = best_within(line, budget);
    if (cell && cell != best) others.push_back(cell->outcome.rms_error);
  }
  return fmt::format(
      "<p class=\"finding\">With at most {:.4g} evaluations per sample, <b>{}</b> comes closest: RMS error {}. The "
      "next "
      "solver is off by {:.2g} times as much.</p>\n",
      budget, html(best->solver), readable(best->outcome.rms_error),
      *std::min_element(others.begin(), others.end()) / best->outcome.rms_error);
}

std::string equal_cost_table(const std::vector<SolverLine>& lines) {
  std::string out =
      "<h3>At equal cost</h3>\n<p class=\"soft\">RMS error of the most accurate cell of each solver that stays within "
      "the evaluations on the left. Small: what it really took, where that is less.</p>\n"
      "<div class=\"scroll\"><table>\n<thead><tr><th>Evaluations</th>";
  for (std::size_t s = 0; s < lines.size(); ++s) out += fmt::format("<th>{}{}</th>", dot(s), html(lines[s].solver));
  out += "</tr></thead>\n<tbody>\n";
  for (const double budget : budgets_of(lines)) {
    out += fmt::format("<tr><td>{:.4g}</td>", budget);
    const SweepCell* best = best_of_all(lines, budget);
    for (const SolverLine& line : lines) {
      const SweepCell* cell = best_within(line, budget);
      if (!cell) {
        out += "<td>–</td>";
        continue;
      }
      const double evaluations = cell->outcome.evaluations;
      out += fmt::format("<td{}>{}{}</td>", cell == best ? " class=\"best\"" : "",
                         evaluations < budget ? fmt::format("<small>at {:.4g}:</small> ", evaluations) : "",
                         readable(cell->outcome.rms_error));
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

// Pictures
// ---------------------------------------------------------------------------------------------------------------------

std::string strip(const std::string& png, const std::string& title, const std::string& name, const std::string& detail,
                  const std::string& data = "") {
  std::string out = fmt::format("<div class=\"strip\"{}><div class=\"what\">{}<span class=\"soft\">{}</span></div>",
                                data, title, html(detail));
  if (!png.empty()) {
    out += fmt::format("<img alt=\"{}: the same samples\" src=\"data:image/png;base64,{}\">", html(name),
                       sampling::base64(png));
  } else {
    out += "<div class=\"soft\">no picture</div>";
  }
  return out + "</div>\n";
}

std::string pictures(const SweepModel& model, const std::vector<SolverLine>& lines) {
  std::string out =
      "<h3>What it looks like</h3>\n<p class=\"soft\">The same noise in every column; the goal is the reference.</p>\n"
      "<div class=\"fixed\">\n";
  out += strip(strip_png(model.noise_strip, model), "Noise", "Noise", "where every solver starts, t = 0");
  out += strip(strip_png(model.reference_strip, model), "Reference", "Reference", model.reference);
  out +=
      "</div>\n<p class=\"buttons\" hidden><button data-by=\"solver\" aria-pressed=\"true\">by solver</button>"
      "<button data-by=\"cost\" aria-pressed=\"false\">by cost</button></p>\n<div>\n";
  std::size_t place = 0;
  for (std::size_t s = 0; s < lines.size(); ++s) {
    for (const SweepCell* cell : lines[s].cells) {
      const CellOutcome& outcome = cell->outcome;
      const std::string detail =
          cell->done() ? fmt::format("{:g} evaluations, RMS {}", outcome.evaluations, readable(outcome.rms_error))
                       : outcome.status + (outcome.message.empty() ? "" : ": " + outcome.message);
      const std::string name = cell->solver + ", " + cell->budget();
      out +=
          strip(strip_png(outcome.strip, model), dot(s) + html(name), name, detail,
                fmt::format(" data-solver=\"{}\" data-cost=\"{}\" data-place=\"{}\"", s, outcome.evaluations, place++));
    }
  }
  return out + "</div>\n";
}

// Tables
// ---------------------------------------------------------------------------------------------------------------------

/// A table cell that sorts by its value, not by its text; no value sorts last.
std::string value_cell(const std::string& text, double value) {
  return fmt::format("<td data-value=\"{}\">{}</td>", std::isnan(value) ? "" : fmt::format("{}", value), text);
}

std::string error_cell(const SweepCell& cell, double error, const std::string& mark = "") {
  return cell.done() ? value_cell(readable(error) + mark, error) : value_cell("–", std::nan(""));
}

std::string cell_row(const Sweep& sweep, const SweepCell& cell, std::size_t series) {
  const CellOutcome& outcome = cell.outcome;
  std::string row = fmt::format("<tr><td>{}{}</td>", dot(series), html(cell.solver));
  row += fmt::format("<td class=\"left\" data-value=\"{}\">{}</td>", cell.adaptive ? -cell.rtol : cell.steps * 1.0,
                     html(cell.budget()));
  row += value_cell(fmt::format("{:.4g}", outcome.evaluations), outcome.evaluations);
  row += error_cell(cell, outcome.rms_error, sweep.near_reference(cell) ? " ≈" : "");
  for (const double fraction : {0.5, 0.9, 0.99, 1.0}) row += error_cell(cell, percentile(outcome.sample_rms, fraction));
  row += error_cell(cell, outcome.max_error);
  const std::string steps = outcome.rejected > 0
                                ? fmt::format("{:.4g} + {:.4g} rejected", outcome.accepted, outcome.rejected)
                                : fmt::format("{:.4g}", outcome.accepted);
  row += value_cell(steps, outcome.accepted + outcome.rejected);
  row += value_cell(fmt::format("{:.4g}", sweep.network_passes(cell)), sweep.network_passes(cell));
  const double network = outcome.seconds - outcome.solver_seconds;
  row += value_cell(readable(network), network);
  row += value_cell(readable(outcome.solver_seconds), outcome.solver_seconds);
  row += fmt::format(
      "<td class=\"left{}\">{}</td></tr>\n", cell.done() ? "" : " bad",
      html(cell.done() ? outcome.status : fmt::format("{} at t = {:.4g}", outcome.status, outcome.t_final)));
  return row;
}

std::string cell_table(const Sweep& sweep, std::size_t model, const std::vector<SolverLine>& lines) {
  std::string out =
      "<h3>Every cell</h3>\n<p class=\"soft\">A click on a heading sorts.</p>\n<div class=\"scroll\"><table "
      "class=\"sortable\">\n<thead><tr><th>Solver</th><th class=\"left\">Budget</th><th>Evaluations</th>"
      "<th>RMS error</th><th>50 %</th><th>90 %</th><th>99 %</th><th>worst sample</th><th>worst value</th>"
      "<th>Steps</th><th>Passes</th><th>Network, s</th><th>Solver, s</th><th class=\"left\">Status</th></tr></thead>\n"
      "<tbody>\n";
  bool near = false;
  for (std::size_t s = 0; s < lines.size(); ++s) {
    for (const SweepCell* cell : lines[s].cells) {
      out += cell_row(sweep, *cell, s);
      near = near || sweep.near_reference(*cell);
    }
  }
  out += "</tbody></table></div>\n";
  if (near) {
    out += fmt::format(
        "<p class=\"soft\">≈ (hollow in the plot): less than three times the reference's own error of {}; it says as "
        "much about the reference as about the solver.</p>\n",
        readable(sweep.models[model].reference_uncertainty));
  }
  return out;
}

/// Each set of parameters that the solver's cells had.
std::string parameters_of(const SolverLine& line) {
  std::vector<std::string> distinct;
  for (const SweepCell* cell : line.cells) {
    if (!cell->params.empty() && std::find(distinct.begin(), distinct.end(), cell->params) == distinct.end())
      distinct.push_back(cell->params);
  }
  std::string out;
  for (const std::string& params : distinct) out += (out.empty() ? "" : "<br>") + html(params);
  return out.empty() ? "–" : out;
}

std::string solver_table(const Sweep& sweep) {
  std::string out =
      "<h2>Solvers</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>Solver</th><th>Version</th><th "
      "class=\"left\">Steps</th><th>Order</th>";
  for (const SweepModel& model : sweep.models) {
    out += "<th>Order seen" + (sweep.models.size() > 1 ? " on<br>" + html(model.short_name()) : "") + "</th>";
  }
  out += "<th class=\"left\">Parameters</th><th class=\"left\">Plugin: path, SHA-256</th></tr></thead>\n<tbody>\n";
  const std::vector<SolverLine> lines = solver_lines(sweep, 0);
  for (std::size_t s = 0; s < lines.size(); ++s) {
    const SweepCell& cell = *lines[s].cells.front();
    out += fmt::format("<tr><td>{}{}</td><td>{}</td><td class=\"left\">{}</td><td>{}</td>", dot(s), html(cell.solver),
                       html(cell.version), cell.adaptive ? "adaptive" : "fixed, " + html(cell.grid) + " grid",
                       cell.order > 0 ? std::to_string(cell.order) : "–");
    for (std::size_t m = 0; m < sweep.models.size(); ++m) {
      const double order = measured_order(solver_lines(sweep, m)[s]);
      out += fmt::format("<td>{}</td>", order != 0 ? fmt::format("{:.2f}", order) : "–");
    }
    out += fmt::format("<td class=\"left wrap\">{}</td><td class=\"left wrap\"><code>{}<br>{}</code></td></tr>\n",
                       parameters_of(lines[s]), html(cell.plugin_file), html(cell.plugin_sha256));
  }
  return out +
         "</tbody></table></div>\n<p class=\"soft\">Order seen: slope of log error over log evaluations between the "
         "two largest budgets.</p>\n";
}

// Words
// ---------------------------------------------------------------------------------------------------------------------

std::string evaluation_in_words(const SweepModel& model) {
  if (model.closed_form()) return "one evaluation of the closed form";
  if (model.passes_per_evaluation == 1) return "one forward pass of the network";
  return fmt::format("{} forward passes of the network", model.passes_per_evaluation);
}

std::string timed_in_words(const Sweep& sweep) {
  int ranks = 1;
  for (const SweepCell& cell : sweep.cells) ranks = std::max(ranks, cell.outcome.host_ranks);
  if (ranks == 1) return "";
  return fmt::format(" Up to {} processes shared the machine meanwhile, so seconds are longer than alone.", ranks);
}

std::string how_counted(const Sweep& sweep) {
  std::string out = fmt::format(
      "<h2>How it was counted</h2>\n<ul>\n"
      "<li>Every cell integrates the same {} samples from the same noise, from t = 0 (noise) to t = 1 (data), in "
      "batches of {}.</li>\n"
      "<li>Evaluations are counted by the host at the field, not by the solvers, and given per sample; those of "
      "rejected steps count. One evaluation is {}.</li>\n",
      sweep.count, sweep.models.front().batch, evaluation_in_words(sweep.models.front()));
  for (const SweepModel& model : sweep.models) {
    out += fmt::format(
        "<li>{}The error of a sample is the distance of its endpoint from the reference: {}.{}</li>\n",
        sweep.models.size() > 1 ? html(model.short_name()) + ": " : "", html(model.reference),
        model.reference_uncertainty > 0
            ? fmt::format(" A second, looser solution lies {} (RMS) away from it, which bounds the reference's own "
                          "error.",
                          readable(model.reference_uncertainty))
            : "");
  }
  return out +
         fmt::format(
             "<li>RMS error: root mean square over all samples and values. 50 %, 90 %, 99 %, worst sample: of the RMS "
             "errors of single samples. Worst value: the largest of all. They measure the solver, not the model.</li>\n"
             "<li>Adaptive solvers are asked for tolerances and plotted at the evaluations they took (dashed).</li>\n"
             "<li>Seconds are those of the integration, summed over batches; the solver's share is the part not spent "
             "in the field.{}</li>\n"
             "<li>A solver that stopped early is a row with its status; it has no point in the plot.</li>\n</ul>\n",
             timed_in_words(sweep));
}

std::string setting_list(const Sweep& sweep) {
  std::string out = "<h2>Setting</h2>\n";
  const auto entry = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, html(value));
  };
  for (const SweepModel& model : sweep.models) {
    out += "<dl>\n";
    entry("Model", model.name);
    entry("SHA-256", model.sha256);
    entry("Weights", model.weights);
    entry("Shape", fmt::format("{} × {} × {}", model.shape.channels, model.shape.height, model.shape.width));
    entry("Labels", model.labels);
    entry("Guidance", model.guidance);
    entry("Numbers", model.dtype + (model.precision == "bf16" ? ", network in bfloat16" : ""));
    entry("Machine",
          fmt::format("{}, {} {} per process", model.device, model.threads, model.threads == 1 ? "thread" : "threads"));
    out += "</dl>\n";
  }
  out += "<dl>\n";
  std::string noise = sweep.initial;
  if (sweep.uses_seed()) {
    const std::string seed = fmt::format("seed {}", sweep.seed);
    noise = noise.empty() ? seed : fmt::format("{}; of stochastic solvers: {}", noise, seed);
  }
  entry("Noise", noise);
  entry("Versions", sweep.versions);
  entry("Made", sweep.created);
  return out + "</dl>\n<p class=\"soft\">Made by</p>\n<pre><code>" + html(sweep.command) + "</code></pre>\n";
}

std::string model_section(const Sweep& sweep, std::size_t number) {
  const SweepModel& model = sweep.models[number];
  const std::vector<SolverLine> lines = solver_lines(sweep, number);
  std::string out;
  if (sweep.models.size() > 1) out += fmt::format("<h2 id=\"model-{}\">{}</h2>\n", number, html(model.short_name()));
  out += fmt::format("<p class=\"lead\">{} · {} samples of {} × {} × {} · error against {}</p>\n", html(model.name),
                     sweep.count, model.shape.channels, model.shape.height, model.shape.width, html(model.reference));
  out += finding(lines);
  out += work_precision_svg(sweep, number, Cost::evaluations);
  out += "<p class=\"soft\">Lower is more accurate, further left is cheaper. Both axes are logarithmic.</p>\n";
  out += equal_cost_table(lines);
  out += pictures(model, lines);
  out += cell_table(sweep, number, lines);
  out += "<h3>In seconds</h3>\n";
  out += work_precision_svg(sweep, number, Cost::seconds);
  return out;
}

}  // namespace

std::string strip_png(const std::vector<double>& strip, const SweepModel& model) {
  const data::ImageShape& shape = model.shape;
  if (strip.empty()) return "";
  const std::vector<double> default_range(static_cast<std::size_t>(shape.channels), 127.5);
  std::vector<std::uint8_t> bytes(strip.size());
  sampling::to_uint8(strip, shape, model.mean.empty() ? default_range : model.mean,
                     model.scale.empty() ? default_range : model.scale, bytes);
  sampling::GridRows rows(1);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(strip.size()) / shape.values(); ++i) rows[0].push_back(i);
  return sampling::encode_png(sampling::tile(bytes, shape, rows, {.scale = 2, .gap = 2, .background = 0}));
}

std::string sweep_report(const Sweep& sweep) {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Solver sweep</title>\n<style>";
  page += report_style;
  page += "</style>\n</head>\n<body>\n<h1>Solvers at equal cost</h1>\n";
  if (sweep.models.size() > 1) {
    page += "<nav>";
    for (std::size_t i = 0; i < sweep.models.size(); ++i)
      page += fmt::format("<a href=\"#model-{}\">{}</a>", i, html(sweep.models[i].short_name()));
    page += "</nav>\n";
  }
  for (std::size_t i = 0; i < sweep.models.size(); ++i) page += model_section(sweep, i);
  page += solver_table(sweep);
  page += how_counted(sweep);
  page += setting_list(sweep);
  page += "<script>";
  page += report_script;
  return page + "</script>\n</body>\n</html>\n";
}

}  // namespace pathline::tools
