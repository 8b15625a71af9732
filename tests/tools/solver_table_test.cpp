#include <cmath>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tools/fit/table.h"

namespace pathline::tools {
namespace {

using test::contains;
using test::error_of;

std::vector<double> uniform(std::size_t steps) {
  std::vector<double> t;
  for (std::size_t i = 0; i <= steps; ++i) t.push_back(static_cast<double>(i) / static_cast<double>(steps));
  return t;
}

/// The endpoint from x_0 = 1 on dx/dt = -(1 + t) x, with the table as its definition says.
double follow(const SolverTable& table) {
  std::vector<double> u;
  double x = 1;
  for (std::size_t i = 0; i < table.evaluations(); ++i) {
    u.push_back(-(1 + table.t[i]) * x);
    x = table.a[i];
    for (std::size_t j = 0; j <= i; ++j) x += table.b[i][j] * u[j];
  }
  return x;
}

double order_of(SolverTable (*make)(const std::vector<double>&, double)) {
  const double exact = std::exp(-1.5);
  return std::log2(std::abs(follow(make(uniform(64), 0)) - exact) / std::abs(follow(make(uniform(128), 0)) - exact));
}

TEST(SolverTable, KnownMethodsHaveTheirOrders) {
  EXPECT_NEAR(order_of(euler_table), 1, 0.1);
  EXPECT_NEAR(order_of(heun_table), 2, 0.1);
  EXPECT_NEAR(order_of(midpoint_table), 2, 0.1);
  EXPECT_NEAR(order_of(ab2_table), 2, 0.1);
  EXPECT_NEAR(order_of(ab2_from_euler_table), 2, 0.1);
}

TEST(SolverTable, EulerInOneStepIsTheTableOneWouldWrite) {
  const SolverTable table = euler_table({0, 1}, smallest_gap);

  EXPECT_EQ(table.t, (std::vector<double>{0, 1}));
  EXPECT_EQ(table.a, std::vector<double>{1});
  EXPECT_EQ(table.b, std::vector<std::vector<double>>{{1}});
}

TEST(SolverTable, HeunWithAGapIsHeunAndMayBeWritten) {
  const SolverTable table = heun_table(uniform(4), smallest_gap);

  EXPECT_TRUE(is_valid(table));
  EXPECT_FALSE(is_valid(heun_table(uniform(4), 0)));
  EXPECT_NEAR(follow(table), follow(heun_table(uniform(4), 0)), 1e-3);
}

TEST(SolverTable, IdleEvaluationChangesNothing) {
  for (const SolverTable& table :
       {euler_table(uniform(1), 0), ab2_table({0, 0.1, 0.7, 1}, 0), midpoint_table({0, 0.2, 1}, 0)}) {
    const SolverTable grown = with_idle_evaluation(with_idle_evaluation(table));

    EXPECT_EQ(grown.evaluations(), table.evaluations() + 2);
    EXPECT_TRUE(is_valid(grown));
    EXPECT_NEAR(follow(grown), follow(table), 1e-14);
  }
}

TEST(SolverTable, TextGivesBackEveryBit) {
  SolverTable table = ab2_table({0, 1.0 / 3, 0.7, 1}, 0);
  table.a[1] = 1.0 + 1e-16 * 3;
  table.b[2][0] = -1.0 / 7e5;

  const SolverTable back = parse_table(to_text(table, {"made by a test", ""}), "test");

  EXPECT_EQ(back.t, table.t);
  EXPECT_EQ(back.a, table.a);
  EXPECT_EQ(back.b, table.b);
}

TEST(SolverTable, TextBeginsAndEndsAsTheFormatSays) {
  const std::string text = to_text(euler_table(uniform(2), 0), {"a comment"});

  EXPECT_EQ(
      text,
      "pathline-table 1\n# a comment\nkind non-stationary\nsteps 2\nt 0 0.5 1\nstep 1 0.5\nstep 1 0.5 0.5\nend\n");
}

TEST(SolverTable, CutOrForeignTextIsRefusedWithItsLine) {
  const std::string text = to_text(euler_table(uniform(2), 0), {});

  EXPECT_TRUE(contains(error_of([&] { parse_table(text.substr(0, text.size() - 4), "x.table"); }).what(), "x.table:6"));
  EXPECT_TRUE(contains(error_of([&] { parse_table("pathline-table 2\n", "x.table"); }).what(), "version 1"));
  EXPECT_TRUE(
      contains(error_of([&] { parse_table("pathline-table 1\nkind runge-kutta\n", "x.table"); }).what(), "x.table:2"));
  EXPECT_TRUE(contains(error_of([&] {
                         parse_table("pathline-table 1\nkind non-stationary\nsteps 1\nt 0 1\nstep 1 nan\n", "x.table");
                       }).what(),
                       "x.table:5"));
}

}  // namespace
}  // namespace pathline::tools
