// Conformance: what is shipped passes every check, and every check has a plugin that fails it.

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "solvers/conformance/examine.h"
#include "tests/core/processes.h"

namespace pathline::solvers::conformance {
namespace {

namespace fs = std::filesystem;

std::string test_plugin(const std::string& name) {
  return std::string(PATHLINE_TEST_PLUGIN_DIR "/") + name + ".so";
}
std::string shipped_plugin(const std::string& name) {
  return std::string(PATHLINE_SHIPPED_PLUGIN_DIR "/") + name + ".so";
}

constexpr std::chrono::milliseconds short_limit{1500};

std::vector<CheckResult> results_of(const std::string& file, const std::string& id = "",
                                    const std::vector<std::string>& only = {},
                                    std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  ExamineOptions options;
  options.file = file;
  options.id = id;
  options.only = only;
  options.limit = limit;
  return examine(options);
}

CheckResult result_of(const std::vector<CheckResult>& results, const std::string& check) {
  for (const CheckResult& result : results) {
    if (result.check == check) return result;
  }
  ADD_FAILURE() << "no result of " << check;
  return {};
}

void expect_failure(const CheckResult& result, const std::string& words) {
  EXPECT_EQ(result.state, CheckResult::State::fail) << result.check << ": " << result.detail;
  EXPECT_NE(result.detail.find(words), std::string::npos) << "no '" << words << "' in: " << result.detail;
  EXPECT_FALSE(result.advice.empty()) << result.check;
}

// AddressSanitizer reports a wild access itself and ends the process, and has an allocator whose bytes `leaks` does not
// see.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kAddressSanitizer = true;
constexpr const char* kCrash = "ended its process";
#else
constexpr bool kAddressSanitizer = false;
constexpr const char* kCrash = "signal 11";
#endif

/// solver of broken.so -> the check that it must fail, and what that says.
struct Expected {
  std::string check, words;
};
const std::map<std::string, Expected> faults = {
    {"refuses_maximum", {"parameters", "level = 1"}},
    {"reads_unwritten", {"vectors", "never written"}},
    {"same_vector", {"vectors", "the same vector as state and as output"}},
    {"releases_y", {"vectors", "y, which is the host's"}},
    {"keeps_y", {"vectors", "the y of an integration that has ended"}},
    {"uses_released", {"vectors", "released before"}},
    {"declares_too_much", {"order", "declares order 3"}},
    {"declares_too_little", {"order", "declares order 1"}},
    {"adaptive_declares_too_much", {"order", "declares order 3"}},
    {"wrong_coefficient", {"order", "declares order 2"}},
    {"assumes_even_grid", {"uneven-grid", "on an uneven grid"}},
    {"follows_inner_times", {"uneven-grid", "times inside the grid"}},
    {"absolute_steps", {"descending-grid", ""}},
    {"needs_two_steps", {"one-step-grid", "no step"}},
    {"evaluates_empty_grid", {"empty-grid", "1 evaluations"}},
    {"adds_up_times", {"stage-times", "outside"}},
    {"asks_beyond_end", {"stage-times", "outside"}},
    {"looks_ahead", {"stage-times", "in the step from"}},
    {"reports_nothing", {"steps-reported", "not reported"}},
    {"reports_wrong_end", {"steps-reported", "the grid ends at"}},
    {"evaluates_more", {"evaluations", "declared 2"}},
    {"ignores_tolerance", {"tolerances", "tolerance^0.00"}},
    {"ignores_rhs_status", {"failing-calls", "was called when call"}},
    {"returns_own_status", {"failing-calls", "returned PATHLINE_FAILED"}},
    {"leaks_on_failure", {"failing-calls", "were not released"}},
    {"scratches_y", {"failing-calls", "y is not the last state"}},
    {"goes_on_after_cancel", {"cancel", "was called when step_done cancelled"}},
    {"cancel_is_success", {"cancel", "returned PATHLINE_OK"}},
    {"accepts_nan", {"non-finite", "y is not finite"}},
    {"never_gives_up_on_nan", {"non-finite", "returned PATHLINE_TOO_MANY_STEPS"}},
    {"never_gives_up", {"step-underflow", "returned PATHLINE_TOO_MANY_STEPS"}},
    {"limit_is_success", {"step-limit", "returned PATHLINE_OK"}},
    {"needs_noise", {"extensions", "without extensions"}},
    {"remembers", {"determinism", "after another integration"}},
    {"global_state", {"threads", "by turns"}},
    {"leaks_vector", {"leaks", "1 of 2 vectors"}},
    {"leaks_memory", {"leaks", "bytes more"}},
    {"leaks_file", {"leaks", "stay open"}},
    {"flushes_to_zero", {"process-state", "floating-point mode"}},
    {"handles_signals", {"process-state", "signal handler"}},
    {"sets_locale", {"process-state", "locale"}},
    {"calls_from_thread", {"process-state", "from another thread"}},
    {"throws", {"order", "an exception left integrate: out of ideas"}},
    {"crashes", {"order", kCrash}},
    {"writes_to_host", {"order", "a file of the host's"}},
    {"exits", {"order", "ended its process (exit code 0)"}},
    {"forks", {"order", "started a process"}},
};

class Faults : public testing::TestWithParam<std::string> {};

TEST_P(Faults, FailTheirCheck) {
  if (kAddressSanitizer && GetParam() == "leaks_memory") GTEST_SKIP() << "memory is not counted under AddressSanitizer";
  const Expected& expected = faults.at(GetParam());

  const auto results = results_of(test_plugin("broken"), GetParam(), {expected.check});

  expect_failure(result_of(results, expected.check), expected.words);
}

std::vector<std::string> names_of_faults() {
  std::vector<std::string> names;
  for (const auto& [name, expected] : faults) names.push_back(name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Conformance, Faults, testing::ValuesIn(names_of_faults()),
                         [](const auto& info) { return info.param; });

TEST(Conformance, EveryCheckOfASolverHasAFaultThatItFinds) {
  std::set<std::string> found;
  for (const auto& [name, expected] : faults) found.insert(expected.check);

  for (const CheckDescription& check : all_checks()) {
    EXPECT_TRUE(check.of_file || found.contains(check.name)) << check.name;
  }
}

TEST(Conformance, TheMethodsUnderTheFaultsAreGood) {
  for (const std::string id : {"good", "good_adaptive"}) {
    for (const CheckResult& result : results_of(test_plugin("broken"), id)) {
      const bool expected = result.check == "other-exports";  // of the file, on purpose
      EXPECT_EQ(result.state == CheckResult::State::fail, expected)
          << id << " " << result.check << ": " << result.detail;
    }
  }
}

TEST(Conformance, WhatIsShippedPasses) {
  std::vector<fs::path> files = {test_plugin("midpoint"), test_plugin("adaptive"), test_plugin("several")};
  for (const auto& entry : fs::directory_iterator(PATHLINE_SHIPPED_PLUGIN_DIR)) files.push_back(entry.path());
  ASSERT_GE(files.size(), 6u);

  for (const fs::path& file : files) {
    for (const CheckResult& result : results_of(file)) {
      EXPECT_NE(result.state, CheckResult::State::fail) << file << " " << result.check << ": " << result.detail;
    }
  }
}

TEST(Conformance, AHangIsNoticedInTimeAndTheOtherChecksGoOn) {
  const auto results = results_of(test_plugin("broken"), "hangs", {"order", "parameters"}, short_limit);

  ASSERT_EQ(results.size(), 2u);
  for (const CheckResult& result : results) expect_failure(result, "did not come back within 1.5 s");
}

TEST(Conformance, OutputWithoutEndIsAHang) {
  expect_failure(result_of(results_of(test_plugin("broken"), "floods", {"order"}, short_limit), "order"),
                 "a line that nobody wants to read");
}

TEST(Conformance, AfterACrashTheOtherChecksGoOn) {
  const auto results = results_of(test_plugin("broken"), "crashes");

  expect_failure(result_of(results, "vectors"), kCrash);
  expect_failure(result_of(results, "process-state"), kCrash);
  EXPECT_EQ(results.size(), all_checks().size());
}

TEST(ConformanceOfFiles, EachCheckFindsItsFault) {
  expect_failure(result_of(results_of(test_plugin("not_a_plugin")), "exports"), "pathline_plugin");
  expect_failure(result_of(results_of(test_plugin("filled_at_run_time")), "exports"), "filled in at run time");
  expect_failure(result_of(results_of(test_plugin("other_abi")), "abi"), "99.7");
  expect_failure(result_of(results_of(test_plugin("broken"), "good", {"other-exports"}), "other-exports"),
                 "stray_symbol");
  expect_failure(result_of(results_of(test_plugin("lacks_symbol")), "load"), "function_that_nobody_has");
  expect_failure(result_of(results_of(test_plugin("throws_at_load")), "load"), "no licence found");
  expect_failure(result_of(results_of(test_plugin("exits_at_load")), "load"), "exit code 0");
  expect_failure(result_of(results_of(test_plugin("hangs_at_load"), "", {}, short_limit), "load"), "did not come back");
  expect_failure(result_of(results_of(test_plugin("bad_table")), "tables"), "integrate");
  expect_failure(result_of(results_of(test_plugin("loads_once")), "load-again"), "signal 6");
}

TEST(ConformanceOfFiles, WithoutLoadingTheRestIsSkippedAndSaysSo) {
  const auto results = results_of(test_plugin("throws_at_load"));

  EXPECT_EQ(results.back().check, "further checks");
  EXPECT_EQ(results.back().state, CheckResult::State::skip);
}

class PluginCopy : public testing::Test {
 protected:
  PluginCopy() {
    std::string name = (fs::temp_directory_path() / "pathline-conformance-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~PluginCopy() override { fs::remove_all(folder_); }
  fs::path write(const std::string& contents) {
    write_file_durably(folder_ / "copy.so", contents);
    return folder_ / "copy.so";
  }
  fs::path folder_;
};

TEST_F(PluginCopy, ThatEverybodyMayWriteToFails) {
  const fs::path file = write(read_file(shipped_plugin("euler")));
  ::chmod(file.c_str(), 0666);

  expect_failure(result_of(results_of(file), "file"), "everybody may write");
}

TEST_F(PluginCopy, ThatStartsProcessesLeavesNoneBehind) {
  const fs::path integrating = write(read_file(test_plugin("broken")));
  expect_failure(result_of(results_of(integrating, "forks", {"order", "leaks"}), "leaks"), "started a process");
  EXPECT_EQ(test::processes_with_argument(integrating.string()), 0u);

  const fs::path loading = write(read_file(test_plugin("forks_at_load")));
  expect_failure(result_of(results_of(loading), "load"), "started a process");
  EXPECT_EQ(test::processes_with_argument(loading.string()), 0u);
}

TEST_F(PluginCopy, ThatNeedsLibTorchFails) {
  std::string contents = read_file(shipped_plugin("dopri5"));
  const std::string needed = "libm.so.6", other = "libc10.so";
  ASSERT_EQ(needed.size(), other.size());
  ASSERT_NE(contents.find(needed), std::string::npos);
  contents.replace(contents.find(needed), needed.size(), other);

  expect_failure(result_of(results_of(write(contents)), "libraries"), "libc10.so");
}

TEST(Examine, MistakesAreUsageErrors) {
  const auto code_of = [](const std::string& id, const std::vector<std::string>& only,
                          const std::vector<std::string>& settings) {
    try {
      ExamineOptions options{test_plugin("several"), id, only, settings};
      examine(options);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::ok;
  };

  EXPECT_EQ(code_of("nobody", {}, {}), ExitCode::usage);
  EXPECT_EQ(code_of("", {"ordre"}, {}), ExitCode::usage);
  EXPECT_EQ(code_of("scaled", {}, {"faktor=1"}), ExitCode::usage);
  EXPECT_EQ(code_of("scaled", {}, {"factor=9"}), ExitCode::usage);
  EXPECT_EQ(code_of("scaled", {"leaks"}, {"factor=1"}), ExitCode::ok);
}

TEST(Examine, SettingsReachTheSolver) {
  ExamineOptions options{test_plugin("several"), "scaled", {"order"}, {"factor=0.5"}};

  expect_failure(result_of(examine(options), "order"), "declares order 1");
}

TEST(ConformanceGuide, NamesEveryCheck) {
  const std::string page = read_file(PATHLINE_SOURCE_DIR "/docs/conformance.md");

  for (const CheckDescription& check : all_checks()) {
    EXPECT_NE(page.find("| `" + check.name + "` |"), std::string::npos) << check.name;
  }
}

}  // namespace
}  // namespace pathline::solvers::conformance
