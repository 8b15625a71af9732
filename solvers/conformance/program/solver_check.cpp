// The program in which a plugin is examined. `pathline solvers check` starts it and watches it; by hand it is of use
// under a debugger, a sanitizer or valgrind (docs/conformance.md).
//
//   solver-check PLUGIN.so [--id ID] [--only CHECK]… [--param NAME=VALUE]… [--from N] [--report]
//   solver-check --load|--load-copy FILE
//
// --report writes JSON lines to descriptor 3 instead of text to stdout, and confines the process (core/confinement.h);
// without it the plugin is loaded from its file, where debuggers find it. --load loads the file, or a copy of it that
// is open as descriptor 4, and does nothing else (solvers/load_probe.h). Exit codes as of pathline itself.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/child_process.h"
#include "core/confinement.h"
#include "core/error.h"
#include "core/helper_program.h"
#include "solvers/conformance/examine.h"
#include "solvers/conformance/report.h"
#include "solvers/load_probe.h"

namespace {

using namespace pathline;
using namespace pathline::solvers::conformance;
using Json = nlohmann::json;

/// The plugin's file is copied once or twice (load-again), and so much may be written besides.
constexpr std::uint64_t most_written = std::uint64_t{64} << 20;
/// By hand, too. What examine() allows for each check is shorter than the processor time, which is for the whole.
constexpr std::uint64_t most_memory = std::uint64_t{4} << 30;
constexpr std::chrono::hours most_processor_time{4};

void confine(const std::filesystem::path& plugin) {
  std::error_code none;
  const std::uintmax_t size =
      std::filesystem::is_regular_file(plugin, none) ? std::filesystem::file_size(plugin, none) : 0;
  confine_this_process({.memory_bytes = most_memory,
                        .file_bytes = size + most_written,
                        .processor_time = most_processor_time,
                        .processes = 0});
}

class JsonListener final : public Listener {
 public:
  void begins(std::size_t number, const std::string& solver, const std::string& check) override {
    send({{"begin", check}, {"solver", solver}, {"number", number}});
  }
  void ends(const CheckResult& result) override {
    send({{"state", static_cast<int>(result.state)},
          {"detail", result.detail},
          {"advice", result.advice},
          {"seconds", result.seconds}});
  }
  static void send(const Json& report) {
    // A plugin's strings need not be UTF-8.
    const std::string line = report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
      const ssize_t wrote = ::write(ChildProcess::report_descriptor, line.data() + sent, line.size() - sent);
      if (wrote < 0) std::_Exit(1);  // nobody listens any more
      sent += static_cast<std::size_t>(wrote);
    }
  }
};

class TextListener final : public Listener {
 public:
  void begins(std::size_t, const std::string&, const std::string&) override {}
  void ends(const CheckResult& result) override {
    failed = failed || result.state == CheckResult::State::fail;
    fmt::print("{} {} {} — {}\n", to_string(result.state), result.solver, result.check, result.detail);
    if (!result.advice.empty()) fmt::print("       {}\n", result.advice);
    std::fflush(stdout);
  }
  bool failed = false;
};

CheckRequest parse(const std::vector<std::string>& words, bool& report) {
  CheckRequest request;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool has_value = i + 1 < words.size();
    if (words[i] == "--report") {
      report = true;
    } else if (words[i] == "--id" && has_value) {
      request.id = words[++i];
    } else if (words[i] == "--only" && has_value) {
      request.only.push_back(words[++i]);
    } else if (words[i] == "--param" && has_value) {
      request.settings.push_back(words[++i]);
    } else if (words[i] == "--from" && has_value) {
      request.from = std::strtoul(words[++i].c_str(), nullptr, 10);
    } else if (request.file.empty() && !words[i].starts_with("--")) {
      request.file = words[i];
    } else {
      throw Error(ExitCode::usage, fmt::format("unexpected '{}'", words[i]), "solver-check");
    }
  }
  if (request.file.empty()) throw Error(ExitCode::usage, "expected a plugin's path", "solver-check");
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  bool report = false;
  try {
    const std::string_view first = argc == 3 ? argv[1] : "";
    if (first == "--load" || first == "--load-copy") pathline::solvers::try_loading(argv[2], first == "--load-copy");
    CheckRequest request = parse({argv + 1, argv + argc}, report);
    request.loading = report ? pathline::solvers::Loading::copy : pathline::solvers::Loading::in_place;
    if (report) {
      confine(request.file);
      JsonListener listener;
      run_checks(request, listener);
      JsonListener::send({{"finished", true}});
      return 0;
    }
    limit_helper(most_memory);
    TextListener listener;
    run_checks(request, listener);
    return listener.failed ? static_cast<int>(ExitCode::bad_input) : 0;
  } catch (const Error& error) {
    if (report) {
      JsonListener::send({{"error", error.message()},
                          {"place", error.place()},
                          {"hint", error.hint()},
                          {"code", static_cast<int>(error.code())}});
    } else {
      fmt::print(stderr, "solver-check: error: {}\n", error.what());
    }
    return static_cast<int>(error.code());
  }
}
