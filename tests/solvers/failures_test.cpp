// Integrations that cannot end well: each stops in bounded work, with the right status and a message that names the
// place.

#include <cfenv>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

at::Tensor ones() {
  return at::ones({4, 3}, at::kDouble);
}

IntegrateOptions interval(double from, double to, double tolerance = 1e-6) {
  IntegrateOptions options;
  options.grid = {from, to};
  options.rtol = options.atol = tolerance;
  return options;
}

/// Counts the evaluations after the first that gave NaN.
struct WallOfNan {
  double from;
  double value = std::numeric_limits<double>::quiet_NaN();
  double slope = 1;
  std::uint64_t after = 0;
  bool met = false;

  VelocityField field() {
    return [this](double t, const at::Tensor& y, at::Tensor& out) {
      if (met) ++after;
      if (t > from) {
        met = true;
        out.fill_(value);
      } else {
        out.copy_(slope * y);
      }
    };
  }
};

TEST(NonFinite, DormandPrinceGivesUpSoonAtAWallOfNan) {
  for (const double from : {0.5, 0.001, 0.123, 0.77, 0.9999}) {
    for (const double slope : {0.0, 1.0, -5.0, 30.0}) {
      for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        WallOfNan wall{from, value, slope};
        at::Tensor y = ones();

        const IntegrateResult result = integrate(*find_solver("dopri5"), y, wall.field(), interval(0, 1));

        EXPECT_EQ(result.status, Status::non_finite) << result.message;
        EXPECT_LE(wall.after, 64u) << "wall at " << from << ", slope " << slope;
        EXPECT_LE(result.t_final, from);
        EXPECT_TRUE(at::isfinite(y).all().item<bool>());
        EXPECT_NE(result.message.find("not finite"), std::string::npos) << result.message;
      }
    }
  }
}

TEST(NonFinite, NanFromTheStartEndsSoonToo) {
  WallOfNan wall{-1};
  at::Tensor y = ones();

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, wall.field(), interval(0, 1));

  EXPECT_EQ(result.status, Status::non_finite);
  EXPECT_LE(wall.after, 64u);
  EXPECT_TRUE(at::equal(y, ones()));
}

TEST(NonFinite, AStepThatWasTooLongIsForgiven) {
  // Squaring overflows after a first step that is far too long; shorter ones are fine, and y = 1/(2 - t) exists on all
  // of [0, 1].
  const VelocityField square = [](double, const at::Tensor& y, at::Tensor& out) { out.copy_(y * y); };
  at::Tensor y = at::full({4, 3}, 0.5f);
  IntegrateOptions options = interval(0, 1, 1e-5);
  const VelocityField brittle = [&](double t, const at::Tensor& state, at::Tensor& out) {
    square(t, state, out);
    if (state.max().item<float>() > 0.6f && t < 0.2) out.fill_(std::numeric_limits<float>::infinity());
  };
  options.parameters["first_step"] = 1;

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, brittle, options);

  EXPECT_EQ(result.status, Status::done) << result.message;
  EXPECT_GE(result.rejected, 1u);
  EXPECT_NEAR(y[0][0].item<float>(), 1.0, 1e-3);
}

TEST(NonFinite, FixedStepSolversStopAtTheStepWhereItHappened) {
  for (const std::string name : {"euler", "heun"}) {
    WallOfNan wall{0.5};
    at::Tensor y = ones();

    const IntegrateResult result = integrate(*find_solver(name), y, wall.field(), uniform(16));

    EXPECT_EQ(result.status, Status::non_finite);
    EXPECT_EQ(result.t_final, name == "euler" ? 0.5625 : 0.5);
    EXPECT_LE(wall.after, 2u);
    EXPECT_NE(result.message.find(name == "euler" ? "0.5625 and 0.625" : "0.5 and 0.5625"), std::string::npos)
        << result.message;
  }
}

TEST(NonFinite, OneBadSampleIsNoticedByBothNorms) {
  for (const bool batch_norm : {false, true}) {
    const VelocityField one_bad = [](double t, const at::Tensor& y, at::Tensor& out) {
      out.copy_(-y);
      if (t > 0.5) out[2][1] = std::numeric_limits<double>::quiet_NaN();
    };
    at::Tensor y = ones();
    IntegrateOptions options = interval(0, 1);
    options.batch_norm = batch_norm;

    EXPECT_EQ(integrate(*find_solver("dopri5"), y, one_bad, options).status, Status::non_finite);
  }
}

TEST(NonFinite, ANonFiniteStartIsBadInput) {
  at::Tensor y = ones();
  y[0][0] = std::numeric_limits<double>::infinity();

  try {
    integrate(*find_solver("euler"), y, Mixture::field, uniform(4));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
  }
}

TEST(Limits, AnUnreachableToleranceEndsWithStepTooSmall) {
  // A jump of the velocity that no step size can resolve to a tolerance below rounding.
  const VelocityField jump = [](double t, const at::Tensor&, at::Tensor& out) { out.fill_(t < 0.3 ? 0.0 : 1e6); };
  at::Tensor y = at::zeros({4, 3}, at::kDouble);
  IntegrateOptions options = interval(0, 1);
  options.rtol = 0;
  options.atol = 1e-12;

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, jump, options);

  EXPECT_EQ(result.status, Status::step_too_small) << result.message;
  EXPECT_NEAR(result.t_final, 0.3, 1e-6);
  EXPECT_NE(result.message.find("0.3"), std::string::npos) << result.message;
}

TEST(Limits, MaxAttemptsEndsWithTooManySteps) {
  at::Tensor y = mixture_start();
  IntegrateOptions options = interval(0, 1, 1e-9);
  options.parameters["max_attempts"] = 3;

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, Mixture::field, options);

  EXPECT_EQ(result.status, Status::too_many_steps);
  EXPECT_EQ(result.accepted + result.rejected, 3u);
  EXPECT_NE(result.message.find("max_attempts"), std::string::npos);
}

TEST(Limits, MaxEvaluationsEndsWithTooManySteps) {
  at::Tensor y = mixture_start();
  IntegrateOptions options = interval(0, 1, 1e-9);
  options.max_evaluations = 25;

  const IntegrateResult result = integrate(*find_solver("dopri5"), y, Mixture::field, options);

  EXPECT_EQ(result.status, Status::too_many_steps);
  EXPECT_EQ(result.evaluations, 25u);
  EXPECT_NE(result.message.find("25 evaluations"), std::string::npos) << result.message;
}

TEST(Cancel, StopsAfterTheStepAndKeepsItsState) {
  for (const std::string& name : shipped_solvers()) {
    at::Tensor y = ones();
    IntegrateOptions options = find_solver(name)->info().adaptive ? interval(0, 1) : uniform(10);
    int steps = 0;
    options.on_step = [&](double, double, bool accepted) { return !accepted || ++steps < 2; };

    const IntegrateResult result =
        integrate(*find_solver(name), y, field_of([](double, const at::Tensor& s) { return -s; }), options);

    EXPECT_EQ(result.status, Status::cancelled);
    EXPECT_EQ(result.accepted, 2u);
    EXPECT_NEAR(y[0][0].item<double>(), std::exp(-result.t_final), 0.02) << name;
  }
}

TEST(FieldFailure, ItsExceptionComesOutAsItWas) {
  for (const std::string name : {"euler", "heun", "dopri5"}) {
    at::Tensor y = ones();
    int calls = 0;
    const VelocityField failing = [&](double, const at::Tensor& state, at::Tensor& out) {
      if (++calls == 2) throw std::runtime_error("the network is on fire");
      out.copy_(state);
    };

    try {
      integrate(*find_solver(name), y, failing, uniform(8));
      ADD_FAILURE() << name << " went on";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "the network is on fire");
    }
    EXPECT_EQ(calls, 2);
  }
}

TEST(FieldFailure, AWrongShapeIsAnError) {
  at::Tensor y = ones();
  const VelocityField wrong = [](double, const at::Tensor&, at::Tensor& out) { out = at::ones({3}, at::kDouble); };

  EXPECT_THROW(integrate(*find_solver("euler"), y, wrong, uniform(2)), std::logic_error);
}

// Plugins that break the rules
// ------------------------------------------------------------------------------------------

const VelocityField decay = field_of([](double, const at::Tensor& y) { return -y; });

TEST(RuleBreakers, ALeakNamesThePlugin) {
  const auto leaky =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        host->clone(host, y);
        return host->step_done(host, problem->t[problem->steps], 1, 0, 1, y);
      });
  at::Tensor y = ones();

  try {
    integrate(*leaky, y, decay, interval(0, 1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_NE(std::string(error.what()).find("did not release 1 of its 1 vectors"), std::string::npos) << error.what();
    EXPECT_EQ(error.place(), "ad-hoc.so");
  }
}

TEST(RuleBreakers, AnIgnoredCancelCannotBecomeSuccess) {
  const auto deaf =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        pathline_vector* k = host->clone(host, y);
        for (uint32_t i = 0; i < problem->steps; ++i) {
          host->rhs(host, problem->t[i], y, k);
          host->step_done(host, problem->t[i + 1], 1, 0, 1, y);
        }
        host->release(host, k);
        return pathline_status{PATHLINE_OK};
      });
  at::Tensor y = ones();
  IntegrateOptions options = uniform(50);
  options.on_step = [](double, double, bool) { return false; };

  const IntegrateResult result = integrate(*deaf, y, decay, options);

  EXPECT_EQ(result.status, Status::cancelled);
  EXPECT_EQ(result.evaluations, 1u);
}

TEST(RuleBreakers, UseAfterReleaseAndDoubleReleaseAreCaught) {
  const auto after =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        pathline_vector* k = host->clone(host, y);
        host->release(host, k);
        return host->rhs(host, problem->t[0], y, k);
      });
  const auto twice =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        pathline_vector* k = host->clone(host, y);
        host->release(host, k);
        host->release(host, k);
        return host->step_done(host, problem->t[problem->steps], 1, 0, 1, y);
      });
  at::Tensor y = ones();

  EXPECT_EQ(integrate(*after, y, decay, interval(0, 1)).status, Status::host_error);
  EXPECT_EQ(integrate(*twice, y, decay, interval(0, 1)).status, Status::host_error);
}

TEST(RuleBreakers, AnExceptionOutOfAPluginIsBadInput) {
  const auto thrower =
      solver_of([](void*, const pathline_host*, const pathline_problem*, pathline_vector*) -> pathline_status {
        throw std::runtime_error("C++ in a C world");
      });
  at::Tensor y = ones();

  try {
    integrate(*thrower, y, decay, interval(0, 1));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
  }
}

TEST(RuleBreakers, TheirOwnWordsBecomeTheMessage) {
  const auto picky = solver_of([](void*, const pathline_host* host, const pathline_problem*, pathline_vector*) {
    host->log(host, PATHLINE_LOG_ERROR, "the moon is not full");
    return pathline_status{PATHLINE_FAILED};
  });
  const auto odd = solver_of(
      [](void*, const pathline_host*, const pathline_problem*, pathline_vector*) { return pathline_status{77}; });
  at::Tensor y = ones();

  const IntegrateResult worded = integrate(*picky, y, decay, interval(0, 1));
  const IntegrateResult unknown = integrate(*odd, y, decay, interval(0, 1));

  EXPECT_EQ(worded.status, Status::failed);
  EXPECT_EQ(worded.message, "the moon is not full");
  EXPECT_EQ(unknown.status, Status::host_error);
  EXPECT_NE(unknown.message.find("77"), std::string::npos);
}

TEST(RuleBreakers, DoNotReachTheTerminal) {
  const auto rude = solver_of([](void*, const pathline_host* host, const pathline_problem*, pathline_vector*) {
    host->log(host, PATHLINE_LOG_ERROR, "gone\033[2J\nforged line");
    return pathline_status{PATHLINE_FAILED};
  });
  at::Tensor y = ones();

  EXPECT_EQ(integrate(*rude, y, decay, interval(0, 1)).message, "gone?[2J?forged line");
}

TEST(RuleBreakers, MayNotReturnWhatOnlyOthersMay) {
  at::Tensor y = ones();
  for (const pathline_status status : {PATHLINE_CANCELLED, PATHLINE_BAD_PARAMETER}) {
    static pathline_status returned;
    returned = status;
    const auto impostor =
        solver_of([](void*, const pathline_host*, const pathline_problem*, pathline_vector*) { return returned; });

    EXPECT_EQ(integrate(*impostor, y, decay, interval(0, 1)).status, Status::host_error) << status;
  }
}

TEST(RuleBreakers, ThatCloneWithoutEndAreStopped) {
  const auto greedy = solver_of([](void*, const pathline_host* host, const pathline_problem*, pathline_vector* y) {
    while (host->clone(host, y)) {
    }
    return pathline_status{PATHLINE_OUT_OF_MEMORY};
  });
  at::Tensor y = ones();
  IntegrateOptions options = interval(0, 1);
  options.max_vectors = 7;

  const IntegrateResult result = integrate(*greedy, y, decay, options);

  EXPECT_EQ(result.status, Status::host_error);
  EXPECT_NE(result.message.find("holds 7 vectors"), std::string::npos) << result.message;
}

TEST(RuleBreakers, MayReuseAnyNumberOfVectors) {
  const auto thrifty =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        for (int i = 0; i < 100; ++i) host->release(host, host->clone(host, y));
        return host->step_done(host, problem->t[problem->steps], 1, 0, 1, y);
      });
  at::Tensor y = ones();
  IntegrateOptions options = interval(0, 1);
  options.max_vectors = 1;

  EXPECT_EQ(integrate(*thrifty, y, decay, options).status, Status::done);
}

TEST(RuleBreakers, ThatChangeTheFloatingPointModeChangeItForThemselvesOnly) {
  const auto rounding_up =
      solver_of([](void*, const pathline_host* host, const pathline_problem* problem, pathline_vector* y) {
        std::fesetround(FE_UPWARD);
        return host->step_done(host, problem->t[problem->steps], 1, 0, 1, y);
      });
  at::Tensor y = ones();

  integrate(*rounding_up, y, decay, interval(0, 1));

  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

// Ending the process
// --------------------------------------------------------------------------------------------------------------------

std::shared_ptr<const Solver> ending_by(void (*end)()) {
  static void (*how)();
  how = end;
  return solver_of([](void*, const pathline_host*, const pathline_problem*, pathline_vector*) -> pathline_status {
    how();
    return PATHLINE_FAILED;
  });
}

TEST(EndingTheProcess, IsAnErrorOfTheSolverWhateverItsCode) {
  at::Tensor y = ones();
  const auto ends = [&](void (*end)()) { integrate(*ending_by(end), y, decay, interval(0, 1)); };
  const auto code = testing::ExitedWithCode(static_cast<int>(ExitCode::bad_input));

  EXPECT_EXIT(ends([] { std::exit(0); }), code, "called exit\\(\\) in its integrate");
  EXPECT_EXIT(ends([] { std::quick_exit(0); }), code, "called quick_exit\\(\\) in its integrate");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_EXIT(ends([] { std::abort(); }), code, "aborted in its integrate");
  EXPECT_EXIT(ends([] { std::raise(SIGSEGV); }), code, "segmentation fault");
#endif
}

TEST(EndingTheProcess, OutsideOfASolverIsAsEver) {
  at::Tensor y = ones();
  integrate(*find_solver("euler"), y, decay, interval(0, 1));
  const auto in_field = [&] {
    integrate(
        *find_solver("euler"), y, [](double, const at::Tensor&, at::Tensor&) { std::exit(7); }, interval(0, 1));
  };

  EXPECT_EXIT(std::exit(7), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(in_field(), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(std::abort(), testing::KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace pathline::solvers::test
