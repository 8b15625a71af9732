// Text parameters of solvers, and the solver that lives from one: `table`, with the files of
// docs/formats/solver-tables.md.

#include <fstream>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/hash.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

constexpr const char* kutta =
    "pathline-table 1\n"
    "# Kutta 1901, the classical fourth-order method\n"
    "kind runge-kutta\n"
    "stages 4\n"
    "c 0 0.5 0.5 1\n"
    "a 0.5\n"
    "a 0 0.5\n"
    "a 0 0 1\n"
    "b 0.16666666666666666 0.33333333333333331 0.33333333333333331 0.16666666666666666\n"
    "end\n";
constexpr const char* adams =
    "pathline-table 1\n"
    "# Euler, then two-step Adams-Bashforth, on the grid 0, 1/2, 1\n"
    "kind non-stationary\n"
    "steps 2\n"
    "t 0 0.5 1\n"
    "step 1 0.5\n"
    "step 1 0.25 0.75\n"
    "end\n";

class SolverTable : public ::testing::Test {
 protected:
  SolverTable() { std::filesystem::create_directories(folder_); }
  ~SolverTable() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& text) {
    const std::string path = folder_ / "table.txt";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  Parameters parameters(const std::string& text) {
    return {{"file", parse_parameter(solver_->info(), "file", write(text))}};
  }
  /// What `text` is refused with.
  std::string refusal(const std::string& text) {
    try {
      check_parameters(*solver_, parameters(text));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_input) << error.what();
      return error.what();
    }
    return "";
  }
  /// `text` with the first `from` replaced.
  static std::string with(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  }

  const std::shared_ptr<const Solver> solver_ = find_solver("table");
  const std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) /
      ("pathline-table-" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
};

IntegrateOptions with_file(std::int64_t steps, Parameters parameters) {
  IntegrateOptions options = uniform(steps);
  options.parameters = std::move(parameters);
  return options;
}

TEST_F(SolverTable, ARungeKuttaTableIsTheMethodItHolds) {
  at::Tensor expected = mixture_start(), y = mixture_start();
  IntegrateOptions classical = uniform(8);
  classical.parameters = {{"rule", 1}};
  integrate(*find_solver("rk4"), expected, Mixture::field, classical);

  const IntegrateResult result = integrate(*solver_, y, Mixture::field, with_file(8, parameters(kutta)));

  EXPECT_EQ(result.status, Status::done) << result.message;
  EXPECT_EQ(result.evaluations, 32u);
  EXPECT_EQ(result.accepted, 8u);
  EXPECT_TRUE(at::equal(y, expected));
}

TEST_F(SolverTable, ANonStationaryTableIsTheSumItWritesOut) {
  at::Tensor y = mixture_start();
  const at::Tensor x0 = mixture_start();
  at::Tensor u0 = at::empty_like(x0), u1 = at::empty_like(x0);
  Mixture::field(0, x0, u0);
  Mixture::field(0.5, x0 + 0.5 * u0, u1);

  const IntegrateResult result = integrate(*solver_, y, Mixture::field, with_file(2, parameters(adams)));

  EXPECT_EQ(result.status, Status::done) << result.message;
  EXPECT_EQ(result.evaluations, 2u);
  EXPECT_EQ(result.accepted, 2u);
  EXPECT_EQ(result.largest_t, 0.5);
  EXPECT_LT((y - (x0 + 0.25 * u0 + 0.75 * u1)).abs().max().item<double>(), 1e-15);
}

TEST_F(SolverTable, ANonStationaryTableScalesWithTheInterval) {
  at::Tensor y = at::ones({2, 3}, at::kDouble);
  IntegrateOptions options = with_file(1, parameters(adams));
  options.grid = {0.9, 0.5, 0.1};
  std::vector<double> times;
  const VelocityField field = [&](double t, const at::Tensor& state, at::Tensor& out) {
    times.push_back(t);
    out.copy_(state);
  };

  const IntegrateResult result = integrate(*solver_, y, field, options);

  EXPECT_EQ(result.t_final, 0.1);
  EXPECT_EQ(times, (std::vector<double>{0.9, 0.9 + 0.5 * (0.1 - 0.9)}));
  EXPECT_NEAR(y[0][0].item<double>(), 1 - 0.8 * (0.25 + 0.75 * 0.6), 1e-15);
}

TEST_F(SolverTable, ItSaysThatItKeepsToItsOwnGrid) {
  IntegrateOptions options = with_file(8, parameters(adams));
  std::string remark;
  options.on_remark = [&](std::int32_t, const std::string& line) { remark = line; };
  at::Tensor y = mixture_start();

  const IntegrateResult result = integrate(*solver_, y, Mixture::field, options);

  EXPECT_EQ(result.status, Status::done);
  EXPECT_EQ(result.accepted, 2u);
  EXPECT_NE(remark.find("2 steps"), std::string::npos) << remark;
}

TEST_F(SolverTable, EveryFaultOfARungeKuttaTableIsNamedWithItsLine) {
  EXPECT_EQ(refusal(kutta), "");
  EXPECT_NE(refusal(with(kutta, "table 1", "table 2")).find("line 1: expected 'pathline-table 1'"), std::string::npos);
  EXPECT_NE(refusal("").find("line 1"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "runge-kutta", "runge")).find("line 3"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "stages 4", "stages 33")).find("from 1 to 32"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "stages 4", "stages 4.0")).find("line 4"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "c 0 ", "c 0.1 ")).find("line 5: the first time"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "0.5 1\n", "0.5 1.5\n")).find("outside [0, 1]"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "a 0 0.5", "a 0 0.4")).find("line 7: the sum is 0.4"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "a 0 0.5", "a 0.5")).find("line 7: expected 2 values, found 1"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "a 0 0.5", "a 0 0.5 0")).find("line 7: expected 2 values, found 3"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "0 0 1\n", "0 0 1\na 0 0 0 1\n")).find("line 9: expected 'b', found 'a'"),
            std::string::npos);
  EXPECT_NE(refusal(with(kutta, "b 0.16666666666666666", "b 0.17")).find("expected 1"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "end\n", "")).find("cut short"), std::string::npos);
  EXPECT_NE(refusal(with(kutta, "end\n", "end\nend\n")).find("after 'end'"), std::string::npos);
}

TEST_F(SolverTable, EveryFaultOfANonStationaryTableIsNamedWithItsLine) {
  EXPECT_EQ(refusal(adams), "");
  EXPECT_NE(refusal(with(adams, "t 0 0.5 1", "t 0 0.5 0.99")).find("exactly 1"), std::string::npos);
  EXPECT_NE(refusal(with(adams, "t 0 0.5 1", "t 0 1 1")).find("ascending"), std::string::npos);
  EXPECT_NE(refusal(with(adams, "steps 2", "steps 3")).find("line 5: expected 4 values, found 3"), std::string::npos);
  EXPECT_NE(refusal(with(adams, "steps 2", "steps 0")).find("from 1 to 256"), std::string::npos);
  EXPECT_NE(refusal(with(adams, "step 1 0.25 0.75", "step 1 0.25")).find("line 7"), std::string::npos);
  EXPECT_NE(refusal(with(adams, "step 1 0.25 0.75\n", "")).find("line 7: expected 'step'"), std::string::npos);
  for (const char* const bad : {"nan", "inf", "0x1p-1", "1/2", "0.5f", "1e", ".", "--1", "1e7", "1e400"}) {
    EXPECT_NE(refusal(with(adams, "step 1 0.5", std::string("step 1 ") + bad)).find("line 6"), std::string::npos)
        << bad;
  }
}

TEST_F(SolverTable, CommentsBlanksAndCarriageReturnsMeanNothing) {
  const std::string decorated = with(adams, "steps 2\n", "\n  \t\r\n# steps 7\nsteps\t 2 \r\n") + "# the last word\n\n";

  EXPECT_EQ(refusal(decorated), "");
}

TEST_F(SolverTable, AFileWithNulBytesOrTooLargeIsRefused) {
  EXPECT_NE(refusal(adams + std::string(1, '\0')), "");
  EXPECT_NE(refusal(adams + std::string(1 << 20, '#')), "");
}

TEST_F(SolverTable, AFileIsReadOnceAndItsHashKept) {
  const Parameters given = parameters(adams);
  write("something else");

  EXPECT_EQ(*given.at("file").contents, adams);
  EXPECT_EQ(given.at("file").sha256, sha256_hex(adams, std::string_view(adams).size()));
  EXPECT_NO_THROW(check_parameters(*solver_, given));
}

ExitCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::ok;
}

TEST_F(SolverTable, AMissingFileAndAMissingParameterAreToldApart) {
  const SolverInfo& info = solver_->info();

  EXPECT_EQ(code_of([&] { check_parameters(*solver_, {}); }), ExitCode::usage);
  EXPECT_EQ(code_of([&] { parse_parameter(info, "file", folder_ / "none"); }), ExitCode::file_system);
  EXPECT_EQ(code_of([&] { parse_parameter(info, "file", "a;b"); }), ExitCode::usage);
  EXPECT_EQ(code_of([&] { parse_parameter(info, "file", "a\nb"); }), ExitCode::usage);
  EXPECT_EQ(code_of([&] { parse_parameter(info, "fiel", "a"); }), ExitCode::usage);
}

TEST(TextParameters, EachFaultOfTheirTableIsFound) {
  const auto refused = [](auto&& spoil) {
    pathline_text_parameter parameter = {sizeof parameter, PATHLINE_TEXT_PLAIN, "p", "doc", "x"};
    const pathline_text_parameter* parameters[] = {&parameter};
    pathline_solver table = dynamic_cast<const LoadedSolver&>(*find_solver("euler")).table();
    table.text_parameter_count = 1;
    table.text_parameters = parameters;
    spoil(table, parameter);
    return code_of([&] { LoadedSolver(table, "x.so", ""); }) == ExitCode::bad_input;
  };

  EXPECT_FALSE(refused([](auto&, auto&) {}));
  EXPECT_TRUE(refused([](auto&, auto& p) { p.struct_size = 8; }));
  EXPECT_TRUE(refused([](auto&, auto& p) { p.name = "with space"; }));
  EXPECT_TRUE(refused([](auto&, auto& p) { p.type = 9; }));
  EXPECT_TRUE(refused([](auto& t, auto&) { t.text_parameters = nullptr; }));
  EXPECT_TRUE(refused([](auto& t, auto&) { t.text_parameter_count = 1001; }));
}

TEST(TextParameters, ASolverOfTheFirstVersionHasNone) {
  pathline_solver table = dynamic_cast<const LoadedSolver&>(*find_solver("euler")).table();
  table.struct_size = offsetof(pathline_solver, text_parameter_count);
  table.text_parameter_count = 7;  // beyond the size that the plugin knows: whatever the memory holds

  EXPECT_TRUE(LoadedSolver(table, "x.so", "").info().parameters.empty());
}

}  // namespace
}  // namespace pathline::solvers::test
