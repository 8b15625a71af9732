#include "tools/sweep_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tools/picture.h"

namespace pathline::tools {

namespace {

// Text helpers
// -------------------------------------------------------------------------------------------------------------------

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

/// "1.2e-3" as "1.2 × 10⁻³", plain between 0.01 and 10000.
std::string superscript(int exponent) {
  static constexpr std::array<const char*, 10> digits = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "⁻" : "";
  for (char c : std::to_string(std::abs(exponent))) out += digits[static_cast<std::size_t>(c - '0')];
  return out;
}

std::string readable(double value) {
  if (value == 0) return "0";
  if (std::abs(value) >= 0.01 && std::abs(value) < 10000) return fmt::format("{:.3g}", value);
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-12));
  return fmt::format("{:.2f}\u202f×\u202f10{}", value / std::pow(10.0, exponent), superscript(exponent));
}

// Plot
// ---------------------------------------------------------------------------------------------------------------------------

struct Line {
  std::string solver;
  std::vector<const SweepCell*> points;  // those that can be drawn, by evaluations
  std::vector<const SweepCell*> cells;   // all
};

std::vector<Line> lines_of(const std::vector<SweepCell>& cells) {
  std::vector<Line> lines;
  for (const SweepCell& cell : cells) {
    auto it = std::find_if(lines.begin(), lines.end(), [&](const Line& line) { return line.solver == cell.solver; });
    if (it == lines.end()) it = lines.insert(lines.end(), Line{cell.solver, {}, {}});
    it->cells.push_back(&cell);
    if (cell.done() && cell.rms_error > 0 && cell.evaluations > 0) it->points.push_back(&cell);
  }
  for (Line& line : lines) {
    // At equal cost the less accurate first, so that the line never turns back.
    std::sort(line.points.begin(), line.points.end(), [](auto* a, auto* b) {
      return std::pair(a->evaluations, -a->rms_error) < std::pair(b->evaluations, -b->rms_error);
    });
  }
  return lines;
}

/// Slope of log error over log evaluations between the two most accurate fixed-step points: the order seen; 0 when
/// there are not two.
double measured_order(const Line& line) {
  const std::size_t n = line.points.size();
  if (n < 2 || line.points.front()->adaptive) return 0;
  const SweepCell &a = *line.points[n - 2], &b = *line.points[n - 1];
  if (a.evaluations == b.evaluations) return 0;
  return -std::log(b.rms_error / a.rms_error) / std::log(b.evaluations / a.evaluations);
}

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

constexpr int colours = 7;

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

std::string tick_label(double value, bool plain) {
  if (plain) return fmt::format("{:g}", value);
  const int exponent = static_cast<int>(std::floor(std::log10(value) + 1e-9));
  const double mantissa = value / std::pow(10.0, exponent);
  return mantissa < 1.5 ? "10" + superscript(exponent) : fmt::format("{:.0f}·10{}", mantissa, superscript(exponent));
}

}  // namespace

std::string SweepCell::budget() const {
  if (adaptive)
    return rtol == atol ? fmt::format("tolerance {:g}", rtol) : fmt::format("rtol {:g}, atol {:g}", rtol, atol);
  return fmt::format("{} {}", steps, steps == 1 ? "step" : "steps");
}

std::string work_precision_svg(const SweepSetting& setting, const std::vector<SweepCell>& cells) {
  const std::vector<Line> lines = lines_of(cells);
  double x_low = HUGE_VAL, x_high = 0, y_low = HUGE_VAL, y_high = 0;
  for (const Line& line : lines) {
    for (const SweepCell* cell : line.points) {
      x_low = std::min(x_low, cell->evaluations);
      x_high = std::max(x_high, cell->evaluations);
      y_low = std::min(y_low, cell->rms_error);
      y_high = std::max(y_high, cell->rms_error);
    }
  }
  if (x_high == 0) return "<p>No solver reached the end with a measurable error, so there is nothing to plot.</p>\n";

  constexpr double width = 860, height = 470, left = 78, right = 150, top = 18, bottom = 56;
  const LogAxis x(x_low, x_high, left, width - right), y(y_low, y_high, height - bottom, top);
  std::string svg = fmt::format(
      "<svg class=\"plot\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"RMS error of the endpoint against "
      "evaluations per sample, "
      "one line per solver\">\n",
      width, height);
  for (double value : x.ticks()) {
    svg += fmt::format(
        R"(<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/><text x="{0:.1f}" y="{3:.1f}" text-anchor="middle">{4}</text>)"
        "\n",
        x(value), top, height - bottom, height - bottom + 19, tick_label(value, true));
  }
  for (double value : y.ticks()) {
    svg += fmt::format(
        R"(<line class="grid" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3:.1f}" y="{4:.1f}" text-anchor="end">{5}</text>)"
        "\n",
        left, width - right, y(value), left - 9, y(value) + 4, tick_label(value, false));
  }
  if (setting.reference_uncertainty > 0) {
    const double level = std::clamp(y(setting.reference_uncertainty), top, height - bottom);
    if (level < height - bottom) {
      svg += fmt::format(
          R"(<rect class="floor" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/><text class="note" x="{:.1f}" y="{:.1f}">below this the reference itself is uncertain</text>)"
          "\n",
          left, level, width - right - left, height - bottom - level, left + 8, level + 15);
    }
  }
  svg += fmt::format(
      R"(<path class="axis" d="M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}"/>)"
      "\n"
      R"(<text class="title" x="{4:.1f}" y="{5:.1f}" text-anchor="middle">evaluations of the field per sample</text>)"
      "\n"
      R"svg(<text class="title" transform="translate(18 {6:.1f}) rotate(-90)" text-anchor="middle">RMS error of the endpoint</text>)svg"
      "\n",
      left, top, height - bottom, width - right, (left + width - right) / 2, height - 12, (top + height - bottom) / 2);

  for (std::size_t s = 0; s < lines.size(); ++s) {
    const Line& line = lines[s];
    svg += fmt::format("<g class=\"series c{}\">", s % colours);
    std::string path;
    for (const SweepCell* cell : line.points) {
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(cell->evaluations), y(cell->rms_error));
    }
    if (line.points.size() > 1)
      svg += fmt::format(R"(<path class="curve{}" d="{}"/>)", line.points[0]->adaptive ? " adaptive" : "", path);
    for (const SweepCell* cell : line.points) {
      svg += fmt::format("<g class=\"point\"><title>{}, {}: {:g} evaluations, RMS {}</title>{}</g>", html(cell->solver),
                         html(cell->budget()), cell->evaluations, readable(cell->rms_error),
                         marker(s, x(cell->evaluations), y(cell->rms_error)));
    }
    const double legend_x = width - right + 22, legend_y = top + 12 + 24 * static_cast<double>(s);
    svg += fmt::format(R"(<path class="curve{}" d="M{:.1f} {:.1f}h24"/>{}<text x="{:.1f}" y="{:.1f}">{}</text></g>)"
                       "\n",
                       !line.cells.empty() && line.cells[0]->adaptive ? " adaptive" : "", legend_x, legend_y,
                       marker(s, legend_x + 12, legend_y), legend_x + 33, legend_y + 4, html(line.solver));
  }
  return svg + "</svg>\n";
}

std::string sweep_csv(const SweepSetting& setting, const std::vector<SweepCell>& cells) {
  std::string out =
      "solver,version,plugin_sha256,params,grid,steps,rtol,atol,evaluations,network_passes,accepted,rejected,status,t_"
      "final,rms_error,"
      "max_error,seconds,solver_seconds,dtype,device,batch,seed,count,precision,weights,guidance,labels,initial,"
      "threads,ranks,model,"
      "model_sha256,reference,reference_uncertainty,message\n";
  const auto number = [](double value) { return fmt::format("{}", value); };
  const auto or_empty = [](bool known, const std::string& text) { return known ? text : std::string(); };
  for (const SweepCell& cell : cells) {
    const std::vector<std::string> fields = {
        cell.solver,
        cell.version,
        cell.plugin_sha256,
        cell.params,
        cell.grid,
        or_empty(!cell.adaptive, std::to_string(cell.steps)),
        or_empty(cell.adaptive, number(cell.rtol)),
        or_empty(cell.adaptive, number(cell.atol)),
        number(cell.evaluations),
        number(cell.network_passes),
        number(cell.accepted),
        number(cell.rejected),
        cell.status,
        number(cell.t_final),
        or_empty(cell.done(), number(cell.rms_error)),
        or_empty(cell.done(), number(cell.max_error)),
        number(cell.seconds),
        number(cell.solver_seconds),
        setting.dtype,
        setting.device,
        std::to_string(setting.batch),
        or_empty(setting.initial.empty(), std::to_string(setting.seed)),
        std::to_string(setting.count),
        setting.precision,
        setting.weights,
        setting.guidance,
        setting.labels,
        setting.initial,
        std::to_string(setting.threads),
        std::to_string(setting.ranks),
        setting.model,
        setting.model_sha256,
        setting.reference,
        number(setting.reference_uncertainty),
        cell.message,
    };
    for (std::size_t i = 0; i < fields.size(); ++i) out += (i ? "," : "") + csv_field(fields[i]);
    out += '\n';
  }
  return out;
}

namespace {

constexpr const char* style = R"(
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #dfe3e8; --paper: #ffffff; --panel: #f6f7f9; --bad: #b3261e;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b0548c; --c4: #b07800; --c5: #3f8fc4; --c6: #444b55; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa6b5; --line: #343c47; --paper: #14181e; --panel: #1c2129; --bad: #ff8a80;
  --c0: #56b4e9; --c1: #ff8b45; --c2: #3fcf9f; --c3: #e79cc6; --c4: #f0b93a; --c5: #8fd0ff; --c6: #c3cad4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 66rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .7rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .5rem; display: flex; align-items: center; gap: .5rem; }
p, li { max-width: 48rem; } .soft { color: var(--soft); } .lead { color: var(--soft); margin: 0 0 1.6rem; overflow-wrap: anywhere; }
code { font: .86em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .6rem 0; }
.plot { width: 100%; height: auto; display: block; }
.plot text { fill: var(--soft); font-size: 13px; font-family: inherit; } .plot .title { fill: var(--ink); font-size: 14px; }
.plot .grid { stroke: var(--line); stroke-width: 1; } .plot .axis { stroke: var(--soft); stroke-width: 1.2; fill: none; }
.plot .floor { fill: var(--soft); opacity: .12; } .plot .note { font-size: 12px; }
.series { color: var(--ink); } .series text { fill: var(--ink) !important; } .curve { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; }
.curve.adaptive { stroke-dasharray: 7 4; } .series circle, .series rect, .series .point path, .series > path:not(.curve) { fill: currentColor; stroke: var(--paper); stroke-width: 1.4; }
.point:hover { opacity: .7; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .84rem; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .65rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { background: var(--panel); color: var(--soft); font-weight: 600; } tr:last-child td { border-bottom: 0; }
th:first-child, td:first-child, .left { text-align: left; } .bad { color: var(--bad); }
.strip { display: grid; grid-template-columns: 13.5rem minmax(0, 1fr); gap: .3rem 1rem; align-items: center; margin: .35rem 0; }
.strip img { width: 100%; height: auto; image-rendering: pixelated; border-radius: 4px; display: block; background: #000; }
.strip .what { font-size: .875rem; line-height: 1.35; } .strip .what span { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: .6rem 0; font-size: .93rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.dot { width: .75rem; height: .75rem; border-radius: 50%; background: currentColor; display: inline-block; }
@media (max-width: 42rem) { .strip { grid-template-columns: 1fr; } }
)";

std::string strip(const std::string& png, const std::string& title, const std::string& detail) {
  std::string out =
      "<div class=\"strip\"><div class=\"what\">" + html(title) + "<br><span>" + html(detail) + "</span></div>";
  if (!png.empty()) {
    out += "<img alt=\"" + html(title) + ": the same samples\" src=\"data:image/png;base64," + base64(png) + "\">";
  } else {
    out += "<div class=\"soft\">no picture</div>";
  }
  return out + "</div>\n";
}

std::string pictures(const SweepSetting& setting, const std::vector<Line>& lines) {
  std::string out =
      "<h2>What it looks like</h2>\n<p class=\"soft\">The same noise in every strip; the goal is the reference.</p>\n";
  out += strip(setting.reference_png, "Reference", setting.reference);
  for (std::size_t s = 0; s < lines.size(); ++s) {
    out += fmt::format("<h3><span class=\"dot c{}\"></span>{}</h3>\n", s % colours, html(lines[s].solver));
    for (const SweepCell* cell : lines[s].cells) {
      const std::string detail =
          cell->done() ? fmt::format("{:g} evaluations, RMS {}", cell->evaluations, readable(cell->rms_error))
                       : cell->status + (cell->message.empty() ? "" : ": " + cell->message);
      out += strip(cell->strip_png, cell->budget(), detail);
    }
  }
  return out;
}

std::string cell_table(const std::vector<Line>& lines) {
  std::string out =
      "<h2>Every cell</h2>\n<div class=\"scroll\"><table>\n<tr><th>Solver</th><th class=\"left\">Budget</th><th "
      "class=\"left\">Status</th>"
      "<th>RMS error</th><th>Largest error</th><th>Evaluations</th><th>Passes</th><th>Steps</th><th>Seconds</th><th>In "
      "solver</th></tr>\n";
  for (const Line& line : lines) {
    for (const SweepCell* cell : line.cells) {
      const std::string steps = cell->rejected > 0 ? fmt::format("{:g} + {:g} rejected", cell->accepted, cell->rejected)
                                                   : fmt::format("{:g}", cell->accepted);
      out += fmt::format(
          "<tr><td>{}</td><td class=\"left\">{}</td><td "
          "class=\"left{}\">{}</td><td>{}</td><td>{}</td><td>{:g}</td><td>{:g}</td><td>{}</td>"
          "<td>{:.3g}</td><td>{}</td></tr>\n",
          html(cell->solver), html(cell->budget()), cell->done() ? "" : " bad",
          html(cell->done() ? cell->status : fmt::format("{} at t = {:.4g}", cell->status, cell->t_final)),
          cell->done() ? readable(cell->rms_error) : "–", cell->done() ? readable(cell->max_error) : "–",
          cell->evaluations, cell->network_passes, steps, cell->seconds,
          cell->seconds > 0 ? fmt::format("{:.2g} %", 100 * cell->solver_seconds / cell->seconds) : "–");
    }
  }
  return out + "</table></div>\n";
}

std::string solver_table(const std::vector<Line>& lines) {
  std::string out =
      "<h2>Solvers</h2>\n<div class=\"scroll\"><table>\n<tr><th>Solver</th><th>Version</th><th "
      "class=\"left\">Steps</th><th>Order</th>"
      "<th>Order seen here</th><th class=\"left\">Parameters</th><th class=\"left\">Plugin SHA-256</th></tr>\n";
  for (const Line& line : lines) {
    const SweepCell& cell = *line.cells.front();
    const double order = measured_order(line);
    out += fmt::format(
        "<tr><td>{}</td><td>{}</td><td class=\"left\">{}</td><td>{}</td><td>{}</td><td class=\"left\">{}</td><td "
        "class=\"left\"><code>{}</code></td></tr>\n",
        html(cell.solver), html(cell.version), cell.adaptive ? "adaptive" : "fixed, " + html(cell.grid) + " grid",
        cell.order, order != 0 ? fmt::format("{:.2f}", order) : "–", cell.params.empty() ? "–" : html(cell.params),
        html(cell.plugin_sha256.substr(0, 16)));
  }
  return out +
         "</table></div>\n<p class=\"soft\">Order seen here: slope of log error over log evaluations between the two "
         "largest budgets.</p>\n";
}

std::string how_counted(const SweepSetting& setting) {
  return fmt::format(
      "<h2>How it was counted</h2>\n<ul>\n"
      "<li>Every cell integrates the same {} samples from the same noise, from t = 0 (noise) to t = 1 (data), in "
      "batches of {}.</li>\n"
      "<li>Evaluations are counted by the host at the field, not by the solvers, and given per sample; those of "
      "rejected steps count. One "
      "evaluation is {}.</li>\n"
      "<li>The error of a sample is the distance of its endpoint from the reference: {}. RMS over all samples and "
      "values; the largest over all "
      "of them. It measures the solver, not the model.{}</li>\n"
      "<li>Adaptive solvers are asked for tolerances and plotted at the evaluations they took (dashed).</li>\n"
      "<li>Seconds are those of the integration, summed over batches; the solver's share is the part not spent in the "
      "field.</li>\n"
      "<li>A solver that stopped early is a row with its status; it has no point in the plot.</li>\n</ul>\n",
      setting.count, setting.batch,
      setting.weights.empty() ? "one evaluation of the closed form"
      : setting.passes_per_evaluation == 1
          ? "one forward pass of the network"
          : fmt::format("{} forward passes of the network", setting.passes_per_evaluation),
      html(setting.reference),
      setting.reference_uncertainty > 0
          ? fmt::format(" The reference itself is good to about {} (RMS).", readable(setting.reference_uncertainty))
          : "");
}

std::string setting_list(const SweepSetting& setting) {
  std::string out = "<h2>Setting</h2>\n<dl>\n";
  const auto entry = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, html(value));
  };
  entry("Model", setting.model);
  entry("SHA-256", setting.model_sha256);
  entry("Weights", setting.weights);
  entry("Shape", setting.shape);
  entry("Labels", setting.labels);
  entry("Guidance", setting.guidance);
  entry("Noise", setting.initial.empty() ? fmt::format("seed {}", setting.seed) : setting.initial);
  entry("Numbers", setting.dtype + (setting.precision == "bf16" ? ", network in bfloat16" : ""));
  entry("Machine", fmt::format("{}, {} {}, {} {} each", setting.device, setting.ranks,
                               setting.ranks == 1 ? "process" : "processes", setting.threads,
                               setting.threads == 1 ? "thread" : "threads"));
  entry("Versions", setting.versions);
  entry("Made", setting.created);
  return out + "</dl>\n<p class=\"soft\">Made by</p>\n<pre><code>" + html(setting.command) + "</code></pre>\n";
}

}  // namespace

std::string sweep_report(const SweepSetting& setting, const std::vector<SweepCell>& cells) {
  const std::vector<Line> lines = lines_of(cells);
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Solver sweep</title>\n<style>";
  page += style;
  page += "</style>\n</head>\n<body>\n<h1>Solvers at equal cost</h1>\n";
  page += fmt::format("<p class=\"lead\">{} · {} samples of {} · error against {}</p>\n", html(setting.model),
                      setting.count, html(setting.shape), html(setting.reference));
  page += work_precision_svg(setting, cells);
  page += "<p class=\"soft\">Lower is more accurate, further left is cheaper. Both axes are logarithmic.</p>\n";
  page += pictures(setting, lines);
  page += cell_table(lines);
  page += solver_table(lines);
  page += how_counted(setting);
  page += setting_list(setting);
  return page + "</body>\n</html>\n";
}

}  // namespace pathline::tools
