// The shipped plugins against a host of plain vectors without LibTorch, in which any call can be made to fail. Fail
// each call in turn: the plugin must return that very code, ask for nothing more, and leave no vector behind.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/solvers/support.h"

/// What the fake host hides behind its handles.
struct FakeVector {
  std::vector<double> values;
};

namespace pathline::solvers::test {
namespace {

/// What the host gives for every text parameter that is a file: a solver of three steps.
constexpr std::string_view table =
    "pathline-table 1\nkind non-stationary\nsteps 3\nt 0 0.2 0.6 1\nstep 1 0.2\nstep 1 0 0.6\nstep 1 0.1 0.1 "
    "0.8\nend\n";

class FakeHost {
 public:
  explicit FakeHost(std::size_t size) : size_(size), y_{std::vector<double>(size, 1.0)} {
    table_.struct_size = sizeof table_;
    table_.abi_major = PATHLINE_ABI_MAJOR;
    table_.abi_minor = PATHLINE_ABI_MINOR;
    table_.context = this;
    table_.clone = [](const pathline_host* h, const pathline_vector*) -> pathline_vector* {
      FakeHost& self = of(h);
      if (self.fails("clone")) return nullptr;
      auto* const made = new FakeVector{std::vector<double>(self.size_, std::numeric_limits<double>::quiet_NaN())};
      self.alive_.insert(made);
      self.peak = std::max(self.peak, self.alive_.size());
      return reinterpret_cast<pathline_vector*>(made);
    };
    table_.release = [](const pathline_host* h, pathline_vector* vector) {
      if (!vector) return;
      auto* const fake = reinterpret_cast<FakeVector*>(vector);
      EXPECT_EQ(of(h).alive_.erase(fake), 1u) << "released twice, or not a clone";
      delete fake;
    };
    table_.rhs = [](const pathline_host* h, double t, const pathline_vector* y,
                    pathline_vector* out) -> pathline_status {
      FakeHost& self = of(h);
      EXPECT_FALSE(self.failed_) << "evaluated after a failure";
      if (self.fails("rhs")) return self.code;
      ++self.evaluations;
      for (std::size_t i = 0; i < self.size_; ++i) values(out)[i] = values(y)[i] * std::cos(t);
      return PATHLINE_OK;
    };
    table_.lincomb = [](const pathline_host* h, pathline_vector* out, std::uint32_t count, const double* c,
                        const pathline_vector* const* x) -> pathline_status {
      FakeHost& self = of(h);
      if (self.fails("lincomb")) return self.code;
      std::vector<double> sum(self.size_);
      for (std::uint32_t k = 0; k < count; ++k) {
        for (std::size_t i = 0; c[k] != 0 && i < self.size_; ++i) sum[i] += c[k] * values(x[k])[i];
      }
      values(out) = sum;
      return PATHLINE_OK;
    };
    table_.error_norm = [](const pathline_host* h, const pathline_vector* e, const pathline_vector* a,
                           const pathline_vector* b, double rtol, double atol, double* result) -> pathline_status {
      FakeHost& self = of(h);
      if (self.fails("error_norm")) return self.code;
      *result = 0;
      for (std::size_t i = 0; i < self.size_; ++i) {
        const double scale = atol + rtol * std::fmax(std::fabs(values(a)[i]), std::fabs(values(b)[i]));
        *result = std::fmax(*result, std::fabs(values(e)[i]) / scale);
      }
      return PATHLINE_OK;
    };
    table_.step_done = [](const pathline_host* h, double, double, double, std::int32_t,
                          const pathline_vector*) -> pathline_status {
      return of(h).fails("step_done") ? of(h).code : PATHLINE_OK;
    };
    table_.log = [](const pathline_host*, std::int32_t, const char*) {};
    table_.get_extension = [](const pathline_host* h, const char* id) -> const void* {
      if (std::string_view(id) == PATHLINE_NOISE_EXTENSION) return &of(h).noise_;
      return std::string_view(id) == PATHLINE_TEXT_EXTENSION ? &of(h).text_ : nullptr;
    };
    noise_.struct_size = sizeof noise_;
    noise_.normal = [](const pathline_host* h, std::uint64_t draw, pathline_vector* out) -> pathline_status {
      if (of(h).fails("normal")) return of(h).code;
      values(out).assign(of(h).size_, static_cast<double>(draw));
      return PATHLINE_OK;
    };
    text_.struct_size = sizeof text_;
    text_.get = [](const pathline_host*, const char*) { return "table.txt"; };
    text_.contents = [](const pathline_host*, const char*, std::uint64_t* size) {
      *size = table.size();
      return table.data();
    };
  }
  ~FakeHost() {
    for (FakeVector* vector : alive_) delete vector;
  }

  pathline_status integrate(const pathline_solver& solver, const std::vector<double>& t) {
    std::vector<double> parameters;
    for (std::uint32_t i = 0; i < solver.parameter_count; ++i)
      parameters.push_back(solver.parameters[i]->default_value);
    void* instance = nullptr;
    if (solver.create && solver.create(&table_, parameters.data(), &instance) != PATHLINE_OK) return PATHLINE_FAILED;
    const pathline_problem problem = {sizeof problem, static_cast<std::uint32_t>(t.size() - 1), t.data(), 1e-6, 1e-6};
    const pathline_status status =
        solver.integrate(instance, &table_, &problem, reinterpret_cast<pathline_vector*>(&y_));
    if (solver.destroy) solver.destroy(instance, &table_);
    return status;
  }

  const std::vector<double>& result() const { return y_.values; }
  std::size_t leaked() const { return alive_.size(); }
  bool failed() const { return failed_; }

  std::string failing_function;  ///< fails at its call number `failing_call`, counted from 0
  int failing_call = 0;
  pathline_status code = PATHLINE_OK;
  int evaluations = 0;
  std::size_t peak = 0;  ///< most vectors alive at once

 private:
  static FakeHost& of(const pathline_host* host) { return *static_cast<FakeHost*>(host->context); }
  static std::vector<double>& values(pathline_vector* vector) { return reinterpret_cast<FakeVector*>(vector)->values; }
  static const std::vector<double>& values(const pathline_vector* vector) {
    return reinterpret_cast<const FakeVector*>(vector)->values;
  }
  bool fails(const std::string& function) {
    if (function != failing_function || calls_[function]++ != failing_call) return false;
    return failed_ = true;
  }

  std::size_t size_;
  FakeVector y_;
  pathline_host table_{};
  pathline_noise noise_{};
  pathline_text text_{};
  std::set<FakeVector*> alive_;
  std::map<std::string, int> calls_;
  bool failed_ = false;
};

std::vector<std::string> shipped() {
  std::vector<std::string> all = shipped_solvers();
  all.insert(all.end(), {"sde", "sde-heun", "table"});
  return all;
}
const std::vector<double> grid = {0, 0.15, 0.25, 0.6, 1};

const pathline_solver& table_of(const std::shared_ptr<const Solver>& solver) {
  return dynamic_cast<const LoadedSolver&>(*solver).table();
}

TEST(FakeHost, SolversIntegrateOverPlainVectors) {
  const auto solver = find_solver("dopri5");
  FakeHost host(5);

  EXPECT_EQ(host.integrate(table_of(solver), grid), PATHLINE_OK);

  for (const double value : host.result()) EXPECT_NEAR(value, std::exp(std::sin(1.0)), 1e-5);
  EXPECT_EQ(host.leaked(), 0u);
}

TEST(FakeHost, EveryFailureOfEveryCallIsPassedOnWithoutALeak) {
  for (const std::string& name : shipped()) {
    const auto solver = find_solver(name);
    for (const std::string function : {"clone", "rhs", "lincomb", "error_norm", "normal", "step_done"}) {
      int tried = 0;
      for (bool reached = true; reached; ++tried) {
        FakeHost host(3);
        host.failing_function = function;
        host.failing_call = tried;
        host.code = 1000 + tried;

        const pathline_status status = host.integrate(table_of(solver), grid);

        reached = host.failed();
        const pathline_status expected = !reached              ? PATHLINE_OK
                                         : function == "clone" ? PATHLINE_OUT_OF_MEMORY
                                                               : host.code;
        EXPECT_EQ(status, expected) << name << ": " << function << " number " << tried;
        EXPECT_EQ(host.leaked(), 0u) << name << ": " << function << " number " << tried;
      }
      const SolverInfo& info = solver->info();
      const bool used = function == "error_norm" ? info.adaptive : function == "normal" ? info.stochastic : true;
      EXPECT_EQ(tried > 1, used) << name << ": " << function;
    }
  }
}

TEST(FakeHost, ACancelLeavesTheLastStateInY) {
  for (const std::string name : {"bosh3", "dopri5", "tsit5", "table"}) {
    const auto solver = find_solver(name);
    for (int call = 0; call < 3; ++call) {
      FakeHost host(2);
      host.failing_function = "step_done";
      host.failing_call = call;
      host.code = PATHLINE_CANCELLED;

      host.integrate(table_of(solver), {0, 1});

      for (const double value : host.result()) EXPECT_GT(value, 1.0) << name << " after " << call + 1 << " steps";
    }
  }
}

TEST(FakeHost, NoMoreVectorsThanStagesAndOneAreAliveBesidesTheState) {
  const std::map<std::string, std::size_t> stages = {{"euler", 1}, {"midpoint", 2}, {"heun", 2},   {"rk4", 4},
                                                     {"ab2", 2},   {"bosh3", 4},    {"dopri5", 7}, {"tsit5", 7},
                                                     {"sde", 1},   {"sde-heun", 3}, {"table", 3}};
  for (const std::string& name : shipped()) {
    FakeHost host(1);

    host.integrate(table_of(find_solver(name)), grid);

    EXPECT_LE(host.peak, stages.at(name) + 1) << name;
  }
}

TEST(FakeHost, ManyInstancesLeakNothing) {
  for (const std::string& name : shipped()) {
    const auto solver = find_solver(name);
    FakeHost host(1);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(host.integrate(table_of(solver), {0, 0.1}), PATHLINE_OK);

    EXPECT_EQ(host.leaked(), 0u);
  }
}

}  // namespace
}  // namespace pathline::solvers::test
