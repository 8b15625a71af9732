#include <cmath>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"
#include "tools/sweep/output.h"
#include "tools/sweep/plot.h"
#include "tools/sweep/report.h"

namespace pathline::tools {
namespace {

using test::contains;

SweepCell fixed_cell(const std::string& solver, std::int64_t steps, double evaluations, double error) {
  SweepCell cell;
  cell.solver = solver;
  cell.version = "1.0";
  cell.plugin_sha256 = std::string(64, 'a');
  cell.plugin_file = "/plugins/" + solver + ".so";
  cell.order = 2;
  cell.grid = "uniform";
  cell.steps = steps;
  CellOutcome& outcome = cell.outcome;
  outcome.evaluations = evaluations;
  outcome.accepted = static_cast<double>(steps);
  outcome.status = "done";
  outcome.t_final = 1;
  outcome.rms_error = error;
  outcome.max_error = 2 * error;
  outcome.sample_rms = {error, 3 * error};
  outcome.strip = std::vector<double>(4, 0.5);
  outcome.seconds = 1;
  outcome.solver_seconds = 0.25;
  return cell;
}

SweepCell failed_cell() {
  SweepCell cell = fixed_cell("dopri5", 0, 37, 0);
  cell.adaptive = true;
  cell.grid = "";
  cell.rtol = cell.atol = 1e-3;
  cell.outcome.status = "non_finite";
  cell.outcome.t_final = 0.5;
  cell.outcome.message = "first NaN at t = 0.5, in <sample> \"3\"";
  cell.outcome.strip.clear();
  cell.outcome.sample_rms.clear();
  return cell;
}

Sweep sweep_of(std::vector<SweepCell> cells) {
  SweepModel model;
  model.name = "fields/smooth.ini";
  model.dtype = "float64";
  model.device = "cpu";
  model.precision = "fp32";
  model.batch = 64;
  model.threads = 1;
  model.shape = {1, 2, 2};
  model.reference = "the exact endpoint";
  model.reference_strip = model.noise_strip = std::vector<double>(4, 0.0);
  Sweep sweep;
  sweep.models = {model};
  sweep.cells = std::move(cells);
  sweep.count = 64;
  sweep.shown = 1;
  sweep.seed = 7;
  sweep.command = "pathline sweep --field a&b.ini";
  return sweep;
}

std::string svg_of(std::vector<SweepCell> cells) {
  return work_precision_svg(sweep_of(std::move(cells)), 0, Cost::evaluations);
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> found;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) found.push_back(line);
  return found;
}

TEST(SweepCsv, BeginsWithTheContractedColumns) {
  const std::string csv = sweep_csv(sweep_of({failed_cell()}));

  EXPECT_EQ(csv.rfind("solver,version,plugin_sha256,params,grid,steps,rtol,atol,evaluations,network_passes,accepted,"
                      "rejected,status,"
                      "t_final,rms_error,max_error,seconds,solver_seconds,dtype,device,batch,seed,",
                      0),
            0U);
}

TEST(SweepCsv, FixedStepCellLeavesTolerancesEmpty) {
  const auto rows = lines(sweep_csv(sweep_of({fixed_cell("heun", 8, 16, 0.0125)})));

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(contains(rows[1], ",uniform,8,,,16,16,8,0,done,1,0.0125,0.025,1,0.25,float64,cpu,64,7,64,"));
}

TEST(SweepCsv, NoiseFromAFileLeavesTheSeedToStochasticSolvers) {
  SweepCell stochastic = fixed_cell("sde", 8, 8, 0.5);
  stochastic.stochastic = true;
  Sweep sweep = sweep_of({fixed_cell("heun", 8, 16, 0.0125), stochastic});
  sweep.initial = "noise.h5:/samples/initial";

  const auto rows = lines(sweep_csv(sweep));

  ASSERT_EQ(rows.size(), 3U);
  EXPECT_TRUE(contains(rows[1], ",float64,cpu,64,,64,"));
  EXPECT_TRUE(contains(rows[2], ",float64,cpu,64,7,64,"));
  EXPECT_TRUE(contains(sweep_report(sweep), "noise.h5:/samples/initial; of stochastic solvers: seed 7"));
}

TEST(SweepCsv, FailedCellIsARowWithItsStatusAndNoError) {
  const auto rows = lines(sweep_csv(sweep_of({failed_cell()})));

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(contains(rows[1], ",0.001,0.001,37,37,0,0,non_finite,0.5,,,"));
}

TEST(SweepCsv, FieldsWithCommasAndQuotesAreQuoted) {
  const auto rows = lines(sweep_csv(sweep_of({failed_cell()})));

  EXPECT_TRUE(contains(rows[1], R"("first NaN at t = 0.5, in <sample> ""3""")"));
}

/// The value under a heading in the only row.
std::string value_of(const std::string& csv, const std::string& column) {
  std::stringstream header(lines(csv)[0]), row(lines(csv)[1]);
  for (std::string name, value; std::getline(header, name, ',') && std::getline(row, value, ',');) {
    if (name == column) return value;
  }
  return "no such column";
}

/// The sweep's table with a text from outside in each place that there is for one.
std::string csv_with_texts(const std::string& text) {
  SweepCell cell = failed_cell();
  cell.solver = cell.version = cell.params = cell.plugin_file = cell.outcome.message = text;
  Sweep sweep = sweep_of({cell});
  sweep.models[0].name = sweep.initial = text;
  return sweep_csv(sweep);
}

TEST(SweepCsv, NoCellOfTextIsAFormula) {
  for (const std::string text : {"=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "=HYPERLINK(1)"}) {
    const std::string csv = csv_with_texts(text);
    for (const char* column : {"solver", "version", "params", "initial", "model", "message", "plugin_file"}) {
      EXPECT_EQ(value_of(csv, column), "'" + text) << column;
    }
  }
}

TEST(SweepCsv, ACellThatBeginsWithATabOrALineBreakIsNoFormulaEither) {
  EXPECT_TRUE(contains(csv_with_texts("\t=1+1"), ",'\t=1+1,"));
  EXPECT_TRUE(contains(csv_with_texts("\r=1+1"), "\"'\r=1+1\""));
}

TEST(SweepCsv, NumbersStayNumbers) {
  SweepCell cell = fixed_cell("heun", 8, 16, 0.5);
  cell.outcome.t_final = -0.25;
  Sweep sweep = sweep_of({cell});
  sweep.models[0].guidance = "-1.5";
  const std::string csv = sweep_csv(sweep);

  EXPECT_EQ(value_of(csv, "t_final"), "-0.25");
  EXPECT_EQ(value_of(csv, "guidance"), "-1.5");
}

TEST(SweepCsv, SecondsAreSplitAndSamplesSummedUp) {
  const std::string csv = sweep_csv(sweep_of({fixed_cell("heun", 8, 16, 0.5)}));

  EXPECT_EQ(value_of(csv, "network_seconds"), "0.75");
  EXPECT_EQ(value_of(csv, "p50_error"), "1");
  EXPECT_EQ(value_of(csv, "worst_error"), "1.5");
  EXPECT_EQ(value_of(csv, "near_reference"), "0");
}

TEST(SweepResults, ErrorNearTheReferencesOwnIsMarked) {
  Sweep sweep = sweep_of({fixed_cell("heun", 8, 16, 0.01)});

  sweep.models[0].reference_uncertainty = 0.004;

  EXPECT_TRUE(sweep.near_reference(sweep.cells[0]));
  EXPECT_EQ(value_of(sweep_csv(sweep), "near_reference"), "1");
  EXPECT_TRUE(contains(sweep_report(sweep), " ≈</td>"));
  EXPECT_TRUE(contains(work_precision_svg(sweep, 0, Cost::evaluations), "class=\"point hollow\""));
}

TEST(SweepResults, PercentilesInterpolateBetweenOrderStatistics) {
  const std::vector<double> values = {4, 1, 3, 2};

  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 0.5), 2.5);
  EXPECT_NEAR(percentile(values, 0.9), 3.7, 1e-12);
  EXPECT_EQ(percentile(values, 1), 4);
  EXPECT_TRUE(std::isnan(percentile({}, 0.5)));
}

TEST(SweepReport, EqualCostTableNamesTheBestWithinEachBudget) {
  const std::string page = sweep_report(sweep_of({fixed_cell("euler", 8, 8, 0.25), fixed_cell("euler", 16, 16, 0.125),
                                                  fixed_cell("heun", 4, 8, 0.5), fixed_cell("heun", 6, 12, 0.0625)}));

  EXPECT_TRUE(contains(page, "<tr><td>8</td><td class=\"best\">0.25</td><td>0.5</td></tr>"));
  EXPECT_TRUE(contains(page, "<tr><td>16</td><td>0.125</td><td class=\"best\"><small>at 12:</small> 0.0625</td></tr>"));
}

TEST(SweepReport, SeveralModelsHaveASectionEach) {
  Sweep sweep = sweep_of({fixed_cell("heun", 8, 16, 0.01), fixed_cell("heun", 8, 16, 0.02)});

  sweep.models.push_back(sweep.models[0]);
  sweep.models[1].name = "runs/other/step-000001000";
  sweep.cells[1].model = 1;
  const std::string page = sweep_report(sweep);

  EXPECT_TRUE(contains(page, "<h2 id=\"model-0\">smooth.ini</h2>"));
  EXPECT_TRUE(contains(page, "<h2 id=\"model-1\">other/step-000001000</h2>"));
}

TEST(SweepReport, RefersToNothingOutsideItself) {
  const std::string page =
      sweep_report(sweep_of({fixed_cell("heun", 8, 16, 0.01), fixed_cell("heun", 16, 32, 0.0025)}));

  for (const char* outside : {"http:", "https:", "src=\"/", "<script src", "@import", "url("}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  EXPECT_TRUE(contains(page, "data:image/png;base64,"));
}

TEST(SweepReport, EscapesWhatUsersNamed) {
  const std::string page = sweep_report(sweep_of({failed_cell()}));

  EXPECT_TRUE(contains(page, "a&amp;b.ini"));
  EXPECT_TRUE(contains(page, "&lt;sample&gt; &quot;3&quot;"));
  EXPECT_EQ(page.find("<sample>"), std::string::npos);
}

TEST(SweepReport, ShowsTheOrderMeasuredFromTheTwoLargestBudgets) {
  const std::string page = sweep_report(sweep_of({fixed_cell("heun", 8, 16, 0.04), fixed_cell("heun", 16, 32, 0.01)}));

  EXPECT_TRUE(contains(page, "<td>2.00</td>"));
}

TEST(WorkPrecisionPlot, HasALinePerSolverAndAPointPerFinishedCell) {
  const std::string svg = svg_of({fixed_cell("euler", 8, 8, 0.1), fixed_cell("euler", 16, 16, 0.05),
                                  fixed_cell("heun", 8, 16, 0.01), fixed_cell("heun", 16, 32, 0.0025), failed_cell()});

  std::size_t points = 0;
  for (std::size_t at = svg.find("class=\"point\""); at != std::string::npos; at = svg.find("class=\"point\"", at + 1))
    ++points;
  EXPECT_EQ(points, 4U);
  EXPECT_TRUE(contains(svg, ">euler</text>"));
  EXPECT_TRUE(contains(svg, ">heun</text>"));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(WorkPrecisionPlot, MoreAccurateIsLowerAndCostlierIsFurtherRight) {
  const std::string svg = svg_of({fixed_cell("heun", 8, 10, 0.1), fixed_cell("heun", 16, 100, 0.001)});

  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  const auto path = svg.find("class=\"curve\" d=\"M");
  ASSERT_NE(path, std::string::npos);
  ASSERT_EQ(std::sscanf(svg.c_str() + path, "class=\"curve\" d=\"M%lf %lfL%lf %lf", &x0, &y0, &x1, &y1), 4);
  EXPECT_GT(x1, x0);
  EXPECT_GT(y1, y0);  // SVG's y grows downwards
}

TEST(WorkPrecisionPlot, NothingFinishedSaysSoInsteadOfAnEmptyPlot) {
  const std::string svg = svg_of({failed_cell()});

  EXPECT_TRUE(contains(svg, "nothing to plot"));
}

TEST(WorkPrecisionPlot, SingleCellHasFiniteAxes) {
  const std::string svg = svg_of({fixed_cell("heun", 8, 16, 0.01)});

  EXPECT_TRUE(contains(svg, "class=\"point\""));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace pathline::tools
