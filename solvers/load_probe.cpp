#include "solvers/load_probe.h"

#include <optional>
#include <vector>

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/child_process.h"
#include "core/confinement.h"
#include "core/error.h"
#include "core/helper_program.h"

namespace pathline::solvers {
namespace {

constexpr const char* returned = "dlopen returned";

/// Constructors should not start processes, but some do (`popen` of a tool): so many are let be.
constexpr Confinement limits{.memory_bytes = std::uint64_t{4} << 30,
                             .file_bytes = std::uint64_t{64} << 20,
                             .processor_time = std::chrono::seconds(60),
                             .processes = 16};

}  // namespace

std::string why_loading_fails(const std::filesystem::path& file, const SealedCopy* copy,
                              std::chrono::milliseconds limit) {
  std::optional<ChildProcess> child;
  try {
    child.emplace(
        std::vector<std::string>{helper_program("solver-check").string(), copy ? "--load-copy" : "--load",
                                 file.string()},
        ChildProcess::Options{.report_channel = true, .given = copy ? copy->descriptor() : -1, .confined = true});
  } catch (const Error&) {
    return "";  // no way to try
  }
  const auto latest = std::chrono::steady_clock::now() + limit;
  std::string line;
  bool came_back = false;
  while (true) {
    switch (child->wait(latest, line)) {
      case ChildProcess::Event::received:
        came_back = came_back || line == returned;
        break;
      case ChildProcess::Event::late:
        return fmt::format("was still loading after {:.0f} s", static_cast<double>(limit.count()) / 1000);
      case ChildProcess::Event::ended:
        if (started_too_many_processes(child->status()))
          return fmt::format("started more than {} processes while loading", limits.processes);
        if (came_back) return "";
        return describe_end(child->status()) + " while loading" + child->last_words();
    }
  }
}

void try_loading(const std::filesystem::path& file, bool copy) {
  confine_this_process(limits);
  const std::string given = fmt::format("/proc/self/fd/{}", ChildProcess::given_descriptor);
  ::dlopen(copy ? given.c_str() : file.c_str(), RTLD_NOW | RTLD_LOCAL);
  const std::string line = std::string(returned) + "\n";
  if (::write(ChildProcess::report_descriptor, line.data(), line.size()) < 0) ::_exit(1);
  ::_exit(0);  // without the destructors, which belong to the end of a program that has used it
}

}  // namespace pathline::solvers
