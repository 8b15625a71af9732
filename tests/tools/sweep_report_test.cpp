#include "tools/sweep_report.h"

#include <sstream>

#include <gtest/gtest.h>

#include "tests/core/expect_error.h"

namespace pathline::tools {
namespace {

using test::contains;

SweepCell fixed_cell(const std::string& solver, std::int64_t steps, double evaluations, double error) {
  SweepCell cell;
  cell.solver = solver;
  cell.version = "1.0";
  cell.plugin_sha256 = std::string(64, 'a');
  cell.order = 2;
  cell.grid = "uniform";
  cell.steps = steps;
  cell.evaluations = cell.network_passes = evaluations;
  cell.accepted = static_cast<double>(steps);
  cell.status = "done";
  cell.t_final = 1;
  cell.rms_error = error;
  cell.max_error = 2 * error;
  cell.seconds = 1;
  cell.strip_png = "png";
  return cell;
}

SweepCell failed_cell() {
  SweepCell cell = fixed_cell("dopri5", 0, 37, 0);
  cell.adaptive = true;
  cell.grid = "";
  cell.rtol = cell.atol = 1e-3;
  cell.status = "non_finite";
  cell.t_final = 0.5;
  cell.message = "first NaN at t = 0.5, in <sample> \"3\"";
  cell.strip_png = "";
  return cell;
}

SweepSetting setting() {
  SweepSetting s;
  s.model = "fields/smooth.ini";
  s.dtype = "float64";
  s.device = "cpu";
  s.precision = "fp32";
  s.count = 64;
  s.batch = 64;
  s.seed = 7;
  s.shape = "1 × 8 × 8";
  s.reference = "the exact endpoint";
  s.command = "pathline sweep --field a&b.ini";
  return s;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> found;
  std::stringstream stream(text);
  for (std::string line; std::getline(stream, line);) found.push_back(line);
  return found;
}

TEST(SweepCsv, BeginsWithTheContractedColumns) {
  const std::string csv = sweep_csv(setting(), {});

  EXPECT_EQ(csv.rfind("solver,version,plugin_sha256,params,grid,steps,rtol,atol,evaluations,network_passes,accepted,"
                      "rejected,status,"
                      "t_final,rms_error,max_error,seconds,solver_seconds,dtype,device,batch,seed,",
                      0),
            0U);
}

TEST(SweepCsv, FixedStepCellLeavesTolerancesEmpty) {
  const auto rows = lines(sweep_csv(setting(), {fixed_cell("heun", 8, 16, 0.0125)}));

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(contains(rows[1], ",uniform,8,,,16,16,8,0,done,1,0.0125,0.025,1,0,float64,cpu,64,7,64,"));
}

TEST(SweepCsv, FailedCellIsARowWithItsStatusAndNoError) {
  const auto rows = lines(sweep_csv(setting(), {failed_cell()}));

  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(contains(rows[1], ",0.001,0.001,37,37,0,0,non_finite,0.5,,,"));
}

TEST(SweepCsv, FieldsWithCommasAndQuotesAreQuoted) {
  const auto rows = lines(sweep_csv(setting(), {failed_cell()}));

  EXPECT_TRUE(contains(rows[1], R"("first NaN at t = 0.5, in <sample> ""3""")"));
}

TEST(SweepReport, RefersToNothingOutsideItself) {
  const std::string page =
      sweep_report(setting(), {fixed_cell("heun", 8, 16, 0.01), fixed_cell("heun", 16, 32, 0.0025)});

  for (const char* outside : {"http:", "https:", "src=\"/", "<script", "@import", "url("}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  EXPECT_TRUE(contains(page, "data:image/png;base64,"));
}

TEST(SweepReport, EscapesWhatUsersNamed) {
  const std::string page = sweep_report(setting(), {failed_cell()});

  EXPECT_TRUE(contains(page, "a&amp;b.ini"));
  EXPECT_TRUE(contains(page, "&lt;sample&gt; &quot;3&quot;"));
  EXPECT_EQ(page.find("<sample>"), std::string::npos);
}

TEST(SweepReport, ShowsTheOrderMeasuredFromTheTwoLargestBudgets) {
  const std::string page = sweep_report(setting(), {fixed_cell("heun", 8, 16, 0.04), fixed_cell("heun", 16, 32, 0.01)});

  EXPECT_TRUE(contains(page, "<td>2.00</td>"));
}

TEST(WorkPrecisionPlot, HasALinePerSolverAndAPointPerFinishedCell) {
  const std::string svg = work_precision_svg(
      setting(), {fixed_cell("euler", 8, 8, 0.1), fixed_cell("euler", 16, 16, 0.05), fixed_cell("heun", 8, 16, 0.01),
                  fixed_cell("heun", 16, 32, 0.0025), failed_cell()});

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
  const std::string svg =
      work_precision_svg(setting(), {fixed_cell("heun", 8, 10, 0.1), fixed_cell("heun", 16, 100, 0.001)});

  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  const auto path = svg.find("class=\"curve\" d=\"M");
  ASSERT_NE(path, std::string::npos);
  ASSERT_EQ(std::sscanf(svg.c_str() + path, "class=\"curve\" d=\"M%lf %lfL%lf %lf", &x0, &y0, &x1, &y1), 4);
  EXPECT_GT(x1, x0);
  EXPECT_GT(y1, y0);  // SVG's y grows downwards
}

TEST(WorkPrecisionPlot, NothingFinishedSaysSoInsteadOfAnEmptyPlot) {
  const std::string svg = work_precision_svg(setting(), {failed_cell()});

  EXPECT_TRUE(contains(svg, "nothing to plot"));
}

TEST(WorkPrecisionPlot, SingleCellHasFiniteAxes) {
  const std::string svg = work_precision_svg(setting(), {fixed_cell("heun", 8, 16, 0.01)});

  EXPECT_TRUE(contains(svg, "class=\"point\""));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

}  // namespace
}  // namespace pathline::tools
