// Finding and opening plugins: every way to be unusable gives one clear error, and none of them takes the process down.

#include "solvers/plugin_file.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "solvers/load_probe.h"
#include "tests/core/processes.h"
#include "tests/solvers/support.h"

namespace pathline::solvers::test {
namespace {

const std::vector<std::string> shipped = {"ab2", "bosh3", "dopri5",   "euler", "heun", "midpoint",
                                          "rk4", "sde",   "sde-heun", "table", "tsit5"};

namespace fs = std::filesystem;

std::string test_plugin(const std::string& name) {
  return std::string(PATHLINE_TEST_PLUGIN_DIR "/") + name + ".so";
}

/// Expects Error(code) whose text has all of `words`.
void expect_error(const std::string& name_or_path, ExitCode code, const std::vector<std::string>& words) {
  try {
    find_solver(name_or_path);
    ADD_FAILURE() << name_or_path << " was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    for (const std::string& word : words) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << "no '" << word << "' in: " << error.what();
    }
  }
}

class PluginFolder : public testing::Test {
 protected:
  PluginFolder() {
    std::string name = (fs::temp_directory_path() / "pathline-plugins-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~PluginFolder() override {
    ::unsetenv("PATHLINE_SOLVER_PATH");
    fs::remove_all(folder_);
  }
  fs::path copy(const std::string& plugin, const std::string& as) {
    fs::copy_file(test_plugin(plugin), folder_ / as, fs::copy_options::overwrite_existing);
    return folder_ / as;
  }
  fs::path write(const std::string& name, const std::string& contents) {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
    return folder_ / name;
  }
  void search(const std::string& path) { ::setenv("PATHLINE_SOLVER_PATH", path.c_str(), 1); }

  fs::path folder_;
};

TEST(OpenPlugin, TellsWhatWasLoaded) {
  const SolverInfo info = find_solver(test_plugin("midpoint"))->info();

  EXPECT_EQ(info.id, "my-midpoint");
  EXPECT_EQ(info.order, 2);
  EXPECT_EQ(info.evaluations_per_step, 2);
  EXPECT_FALSE(info.adaptive);
  EXPECT_TRUE(info.descending);
  EXPECT_TRUE(info.file.is_absolute());
  EXPECT_EQ(info.sha256, sha256_file(info.file));
}

TEST(OpenPlugin, SomethingElseIsRefusedWithoutRunningIt) {
  expect_error(test_plugin("not_a_plugin"), ExitCode::bad_input, {"not_a_plugin.so", "pathline_plugin"});
}

TEST(OpenPlugin, AnotherAbiMajorIsRefusedWithoutRunningIt) {
  expect_error(test_plugin("other_abi"), ExitCode::bad_input, {"built for solver ABI 99.7", "has 1.2", "rebuild"});
}

TEST(OpenPlugin, AMissingSymbolIsNamed) {
  expect_error(test_plugin("lacks_symbol"), ExitCode::bad_input, {"function_that_nobody_has"});
}

TEST(OpenPlugin, AnExceptionWhileLoadingIsToldWithItsText) {
  expect_error(test_plugin("throws_at_load"), ExitCode::bad_input, {"while loading", "no licence found"});
}

TEST(OpenPlugin, AnExitWhileLoadingDoesNotEndThisProcess) {
  expect_error(test_plugin("exits_at_load"), ExitCode::bad_input, {"ended its process (exit code 0) while loading"});
}

TEST(OpenPlugin, AHangWhileLoadingIsNoticedInTime) {
  const auto begin = std::chrono::steady_clock::now();

  const std::string reason = why_loading_fails(test_plugin("hangs_at_load"), nullptr, std::chrono::milliseconds(300));

  EXPECT_NE(reason.find("still loading"), std::string::npos) << reason;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(OpenPlugin, AGoodOneLoadsInTheChildToo) {
  const PluginImage image = read_plugin(test_plugin("midpoint"));

  EXPECT_EQ(why_loading_fails(image.path, nullptr, std::chrono::seconds(10)), "");
  EXPECT_EQ(why_loading_fails(image.path, image.copy.get(), std::chrono::seconds(10)), "");
}

TEST(OpenPlugin, ATableFilledInAtRunTimeIsRefused) {
  expect_error(test_plugin("filled_at_run_time"), ExitCode::bad_input, {"filled in at run time", "constants"});
}

TEST(OpenPlugin, AFaultyTableNamesTheSolverAndTheFault) {
  expect_error(test_plugin("bad_table"), ExitCode::bad_input, {"solver 'empty'", "integrate"});
}

TEST(OpenPlugin, AMissingFileIsAFileSystemError) {
  expect_error("/nowhere/at/all.so", ExitCode::file_system, {"/nowhere/at/all.so"});
}

TEST(OpenPlugin, AFolderIsRefused) {
  expect_error(PATHLINE_TEST_PLUGIN_DIR "/", ExitCode::bad_input, {"not a file"});
}

TEST_F(PluginFolder, AFileEverybodyMayWriteToIsRefused) {
  const fs::path file = copy("midpoint", "open.so");
  ::chmod(file.c_str(), 0666);

  expect_error(file.string(), ExitCode::bad_input, {"everybody may write", "chmod o-w"});
}

/// What the constructor of says_loaded.so leaves behind: a line each time it runs.
class TracedLoading : public PluginFolder {
 protected:
  TracedLoading() { ::setenv("PATHLINE_TEST_TRACE", (folder_ / "trace").c_str(), 1); }
  ~TracedLoading() override { ::unsetenv("PATHLINE_TEST_TRACE"); }
  std::string trace() const { return fs::exists(folder_ / "trace") ? read_file(folder_ / "trace") : ""; }
};

TEST_F(TracedLoading, RunsTheBytesThatWereHashedWhateverReplacesTheFile) {
  const PluginImage image = read_plugin(copy("midpoint", "plugin.so"));
  ASSERT_NE(image.copy, nullptr);
  fs::rename(copy("says_loaded", "other.so"), folder_ / "plugin.so");

  const auto solvers = solvers_of(load_plugin(image), image);

  EXPECT_EQ(solvers.at(0)->info().id, "my-midpoint");
  EXPECT_EQ(solvers.at(0)->info().file, fs::canonical(folder_) / "plugin.so");
  EXPECT_EQ(trace(), "");
}

TEST_F(TracedLoading, RunsTheBytesThatWereHashedWhateverIsWrittenIntoTheFile) {
  const PluginImage image = read_plugin(copy("midpoint", "plugin.so"));
  copy("says_loaded", "plugin.so");

  EXPECT_EQ(solvers_of(load_plugin(image), image).at(0)->info().id, "my-midpoint");

  EXPECT_EQ(trace(), "");
}

TEST_F(TracedLoading, TriesTheBytesThatWereHashed) {
  const PluginImage image = read_plugin(copy("midpoint", "plugin.so"));
  copy("says_loaded", "plugin.so");

  EXPECT_EQ(why_loading_fails(image.path, image.copy.get(), std::chrono::seconds(20)), "");

  EXPECT_EQ(trace(), "");
}

TEST_F(TracedLoading, HappensOnceForAFileThatStaysAsItIs) {
  const fs::path file = copy("says_loaded", "plugin.so");

  open_plugin(file, Origin::installed);
  open_plugin(file, Origin::installed);

  EXPECT_EQ(trace(), "loaded\n");
}

TEST_F(PluginFolder, AChangedFileOfTheSameNameIsLoadedAnew) {
  const fs::path file = copy("midpoint", "plugin.so");
  EXPECT_EQ(find_solver(file.string())->info().id, "my-midpoint");
  copy("says_loaded", "plugin.so");

  EXPECT_EQ(find_solver(file.string())->info().id, "minimal");
}

TEST_F(PluginFolder, ThatLooksForItsLibrariesBesideItselfIsLoadedFromItsPlace) {
  // `helped.so` needs libhelper.so, which lies beside it ($ORIGIN).
  copy("helped", "helped.so");
  copy("libhelper", "libhelper.so");

  const PluginImage image = read_plugin(folder_ / "helped.so");

  EXPECT_EQ(image.copy, nullptr);
  EXPECT_EQ(find_solver((folder_ / "helped.so").string())->info().id, "minimal");
}

TEST(OpenPlugin, ItsFloatingPointModeStaysItsOwn) {
  open_plugin(test_plugin("fast_math"), Origin::installed);

  volatile double smallest_normal = std::numeric_limits<double>::min();
  EXPECT_GT(smallest_normal / 2, 0);
}

TEST(SealedCopies, CannotBeChanged) {
  const auto copy = SealedCopy::of("some bytes", "name");
  ASSERT_NE(copy, nullptr);

  EXPECT_EQ(read_file(copy->path()), "some bytes");
  EXPECT_LT(::pwrite(copy->descriptor(), "x", 1, 0), 0);
  EXPECT_LT(::ftruncate(copy->descriptor(), 0), 0);
  EXPECT_EQ(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, copy->descriptor(), 0), MAP_FAILED);
}

TEST_F(PluginFolder, WhatItStartsWhileItIsTriedEndsWithTheTrial) {
  const std::string file = copy("forks_at_load", "forks.so").string();

  EXPECT_EQ(why_loading_fails(file, nullptr, std::chrono::seconds(20)), "");

  EXPECT_EQ(pathline::test::processes_with_argument(file), 0u);
}

TEST_F(PluginFolder, WhatItStartsEndsWithATrialThatTakesTooLong) {
  const std::string file = copy("forks_at_load", "forks.so").string();
  ::setenv("PATHLINE_TEST_HANG", "1", 1);

  const std::string reason = why_loading_fails(file, nullptr, std::chrono::milliseconds(700));

  ::unsetenv("PATHLINE_TEST_HANG");
  EXPECT_NE(reason.find("still loading"), std::string::npos) << reason;
  EXPECT_EQ(pathline::test::processes_with_argument(file), 0u);
}

TEST_F(PluginFolder, TextIsRefused) {
  expect_error(write("text.so", "just text").string(), ExitCode::bad_input, {"no ELF header"});
}

TEST_F(PluginFolder, AnEmptyFileIsRefused) {
  expect_error(write("empty.so", "").string(), ExitCode::bad_input, {"no ELF header"});
}

TEST_F(PluginFolder, AnotherProcessorIsRefused) {
  std::string contents = read_file(test_plugin("midpoint"));
  contents[18] = static_cast<char>(0xf3);  // e_machine: RISC-V

  expect_error(write("riscv.so", contents).string(), ExitCode::bad_input, {"another processor"});
}

TEST_F(PluginFolder, AFileCutOffAnywhereIsRefused) {
  const std::string contents = read_file(test_plugin("midpoint"));
  for (std::size_t size = 1; size < contents.size(); size += contents.size() / 40) {
    const fs::path file = write(fmt::format("cut-{}.so", size), contents.substr(0, size));

    EXPECT_THROW(open_plugin(file, Origin::foreign), Error) << "cut at " << size;
  }
}

TEST_F(PluginFolder, DamagedHeadersNeverReadOutsideTheFile) {
  const std::string contents = read_file(test_plugin("midpoint"));
  for (std::size_t offset = 24; offset < 64; ++offset) {  // the offsets and counts of the ELF header
    std::string damaged = contents;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 0xff);
    // A new name each time: what was loaded is mapped, and must not change under it.
    const fs::path file = write(fmt::format("damaged-{}.so", offset), damaged);

    try {  // some bytes do not matter for loading; what counts is that this comes back
      open_plugin(file, Origin::foreign);
    } catch (const Error&) {
    }
  }
}

TEST(SeveralSolvers, AreChosenByMark) {
  EXPECT_EQ(find_solver(test_plugin("several") + "#plain")->info().id, "plain");
  EXPECT_EQ(find_solver(test_plugin("several") + "#scaled")->info().id, "scaled");
}

TEST(SeveralSolvers, WithoutOrWithAWrongMarkTheyAreListed) {
  expect_error(test_plugin("several"), ExitCode::usage, {"plain, scaled", "several.so#plain"});
  expect_error(test_plugin("several") + "#scald", ExitCode::usage, {"plain, scaled"});
}

TEST(Parameters, AreReadWithTheirRanges) {
  const SolverInfo info = find_solver(test_plugin("several") + "#scaled")->info();

  ASSERT_EQ(info.parameters.size(), 3u);
  EXPECT_EQ(info.parameters[0].name, "factor");
  EXPECT_EQ(info.parameters[0].maximum, 2);
  EXPECT_TRUE(info.parameters[1].integer);
  EXPECT_EQ(info.parameters[2].choices, (std::vector<std::string>{"calm", "wild"}));
}

TEST(Parameters, ReachTheSolver) {
  at::Tensor y = at::zeros({1, 1}, at::kDouble);
  IntegrateOptions options = uniform(4);
  options.parameters["factor"] = -2;

  integrate(*find_solver(test_plugin("several") + "#scaled"), y,
            field_of([](double, const at::Tensor& s) { return at::ones_like(s); }), options);

  EXPECT_DOUBLE_EQ(y.item<double>(), -2);
}

TEST(Parameters, AreParsedFromTextByNameOfChoiceOrNumber) {
  const SolverInfo info = find_solver(test_plugin("several") + "#scaled")->info();

  EXPECT_EQ(parse_parameter(info, "mode", "wild").number, 1);
  EXPECT_EQ(parse_parameter(info, "mode", "1").number, 1);
  EXPECT_EQ(parse_parameter(info, "factor", "-0.5").number, -0.5);
  EXPECT_EQ(parse_parameter(info, "count", "9").number, 9);
  for (const auto& [name, text] : std::vector<std::pair<std::string, std::string>>{
           {"mode", "mild"}, {"mode", "2"}, {"factor", "3"}, {"factor", "x"}, {"count", "1.5"}, {"fuctor", "1"}}) {
    EXPECT_THROW(parse_parameter(info, name, text), Error) << name << "=" << text;
  }
}

TEST(SearchPath, TheInstalledSolversAreFoundByName) {
  for (const std::string& name : shipped) EXPECT_EQ(find_solver(name)->info().id, name);
}

TEST(SearchPath, AnUnknownNameGetsTheNearest) {
  expect_error("dopri", ExitCode::usage, {"did you mean 'dopri5'", "euler", "heun"});
  expect_error("midpoint.so", ExitCode::usage, {"./midpoint.so"});
}

TEST_F(PluginFolder, FoldersAndFilesOfTheEnvironmentAreFound) {
  copy("several", "several.so");
  search(folder_.string() + "::" + test_plugin("midpoint"));

  EXPECT_EQ(find_solver("scaled")->info().id, "scaled");
  EXPECT_EQ(find_solver("my-midpoint")->info().id, "my-midpoint");
  EXPECT_EQ(list_solvers().size(), shipped.size() + 3);
}

TEST_F(PluginFolder, BrokenFilesAreReportedAndDoNotStandInTheWay) {
  write("broken.so", "nonsense");
  copy("throws_at_load", "throws.so");
  search(folder_.string() + ":/nowhere");
  std::vector<std::string> problems;

  const auto solvers = list_solvers(&problems);

  EXPECT_EQ(solvers.size(), shipped.size());
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(find_solver("euler")->info().id, "euler");
  expect_error("no-such-solver", ExitCode::usage, {"broken.so", "throws.so"});
}

TEST_F(PluginFolder, ABrokenFileOfTheNameThatWasAskedForIsAnError) {
  write("euler.so", "nonsense");
  search(folder_.string());

  expect_error("euler", ExitCode::bad_input, {"euler.so", "ELF"});
}

TEST_F(PluginFolder, AHiddenDuplicateIsReported) {
  copy("midpoint", "a.so");
  copy("midpoint", "b.so");
  search(folder_.string());
  std::vector<std::string> problems;

  const auto solvers = list_solvers(&problems);

  EXPECT_EQ(solvers.size(), shipped.size() + 1);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("hidden by"), std::string::npos) << problems[0];
}

TEST(ShippedPlugins, NeedNeitherLibTorchNorTheCxxLibrary) {
  for (const std::string& name : shipped) {
    const std::string contents = read_file(find_solver(name)->info().file);

    for (const char* library : {"libtorch", "libc10", "libstdc++"}) {
      EXPECT_EQ(contents.find(library), std::string::npos) << name << " needs " << library;
    }
  }
}

TEST(Guide, TheExampleOfTheGuideIsTheOneThatIsTested) {
  const std::string guide = read_file(PATHLINE_SOURCE_DIR "/docs/write-a-solver.md");
  const std::string example = read_file(PATHLINE_SOURCE_DIR "/docs/examples/midpoint.c");

  EXPECT_NE(guide.find("```c\n" + example + "```"), std::string::npos)
      << "copy docs/examples/midpoint.c into the guide";
}

TEST(Guide, ItsExampleIsOfSecondOrder) {
  std::vector<double> errors;
  for (const int steps : {64, 128}) {
    at::Tensor y = mixture_start();
    integrate(*find_solver(test_plugin("midpoint")), y, Mixture::field, uniform(steps));
    errors.push_back(endpoint_error(y).rms);
  }

  EXPECT_NEAR(errors[0] / 2.4670e-05, 1, 5e-4);  // torchdiffeq's midpoint
  EXPECT_NEAR(std::log2(errors[0] / errors[1]), 2, 0.05);
}

// Tables
// --------------------------------------------------------------------------------------------------------------------

pathline_solver good_table() {
  pathline_solver table{};
  table.struct_size = sizeof table;
  table.id = "good";
  table.name = "Good";
  table.version = "1";
  table.order = 1;
  table.evaluations_per_step = 1;
  table.create = [](const pathline_host*, const double*, void**) -> pathline_status { return PATHLINE_OK; };
  table.integrate = [](void*, const pathline_host*, const pathline_problem*, pathline_vector*) -> pathline_status {
    return PATHLINE_OK;
  };
  return table;
}

TEST(Table, EachFaultIsFound) {
  const auto refused = [](auto&& spoil) {
    pathline_solver table = good_table();
    spoil(table);
    try {
      LoadedSolver solver(table, "x.so", "");
      return false;
    } catch (const Error& error) {
      return error.code() == ExitCode::bad_input;
    }
  };

  EXPECT_FALSE(refused([](pathline_solver&) {}));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.struct_size = 16; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.id = nullptr; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.id = "Not Lower Case"; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.id = ""; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.name = nullptr; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.name = "clears\033[2J the screen"; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.description = "two\nlines"; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.version = "\xff"; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.order = 0; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.evaluations_per_step = NAN; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.integrate = nullptr; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.flags = 1u << 20; }));
  EXPECT_TRUE(refused([](pathline_solver& t) { t.parameter_count = 1; }));
}

TEST(Table, EachFaultOfAParameterIsFound) {
  const auto refused = [](auto&& spoil) {
    pathline_parameter parameter = {sizeof parameter, PATHLINE_PARAMETER_CHOICE, "p", "doc", "a|b", 0, 1, 0};
    spoil(parameter);
    const pathline_parameter* parameters[] = {&parameter};
    pathline_solver table = good_table();
    table.parameter_count = 1;
    table.parameters = parameters;
    try {
      LoadedSolver solver(table, "x.so", "");
      return false;
    } catch (const Error& error) {
      return error.code() == ExitCode::bad_input;
    }
  };

  EXPECT_FALSE(refused([](pathline_parameter&) {}));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.struct_size = 8; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.name = "with space"; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.doc = "rings\a"; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.type = 9; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.default_value = 2; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.maximum = INFINITY; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.minimum = NAN; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.choices = "a|b|c"; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.choices = nullptr; }));
  EXPECT_TRUE(refused([](pathline_parameter& p) { p.type = PATHLINE_PARAMETER_INTEGER, p.default_value = 0.5; }));
}

TEST(Table, FieldsThatAnOlderPluginLacksAreZero) {
  struct Longer {
    pathline_solver known;
    void* appended;
  } longer{good_table(), nullptr};
  longer.known.struct_size = sizeof longer;

  const LoadedSolver newer(longer.known, "x.so", "");

  EXPECT_EQ(newer.info().id, "good");
  EXPECT_NE(newer.table().integrate, nullptr);
}

}  // namespace
}  // namespace pathline::solvers::test
