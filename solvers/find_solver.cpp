// Where solvers come from: an explicit path, PATHLINE_SOLVER_PATH, the install folder.

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/config.h"
#include "core/error.h"
#include "core/log.h"
#include "solvers/plugin_file.h"
#include "solvers/solver_host.h"

namespace pathline::solvers {
namespace {

struct Candidate {
  std::filesystem::path file;
  Origin origin;
};

void add_folder(std::vector<Candidate>& candidates, const std::filesystem::path& folder, Origin origin,
                std::vector<std::string>& problems) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entry(folder, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".so") files.push_back(entry->path());
  }
  if (error) problems.push_back(fmt::format("{}: {}", folder.string(), error.message()));
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) candidates.push_back({file, origin});
}

/// In order of precedence.
std::vector<Candidate> candidates_on_search_path(std::vector<std::string>& problems) {
  std::vector<Candidate> candidates;
  // secure_getenv: a set-user-id program must not load code that its caller chose.
  if (const char* const list = ::secure_getenv("PATHLINE_SOLVER_PATH")) {
    std::istringstream parts{std::string(list)};
    for (std::string part; std::getline(parts, part, ':');) {
      if (part.empty()) continue;
      const std::filesystem::path path = std::filesystem::absolute(part);
      std::error_code error;
      if (std::filesystem::is_directory(path, error)) {
        add_folder(candidates, path, Origin::foreign, problems);
      } else {
        candidates.push_back({path, Origin::foreign});
      }
    }
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const std::filesystem::path folder =
        (program.parent_path().parent_path() / PATHLINE_PLUGIN_SUBFOLDER).lexically_normal();
    if (std::filesystem::exists(folder, error)) add_folder(candidates, folder, Origin::installed, problems);
  }
  return candidates;
}

std::shared_ptr<const Solver> pick(const std::vector<std::shared_ptr<const Solver>>& solvers, const std::string& id,
                                   const std::string& path) {
  std::vector<std::string> ids;
  for (const auto& solver : solvers) {
    if (solver->info().id == id) return solver;
    ids.push_back(solver->info().id);
  }
  if (id.empty() && solvers.size() == 1) return solvers.front();
  if (id.empty()) {
    throw Error(ExitCode::usage, fmt::format("this plugin has {} solvers: {}", ids.size(), fmt::join(ids, ", ")), path,
                fmt::format("pick one: {}#{}", path, ids.front()));
  }
  throw Error(ExitCode::usage, fmt::format("no solver '{}' in this plugin; it has: {}", id, fmt::join(ids, ", ")),
              path);
}

}  // namespace

std::shared_ptr<const Solver> find_solver(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos) {
    const auto mark = name_or_path.rfind('#');
    const bool has_id = mark != std::string::npos && name_or_path.find('/', mark) == std::string::npos;
    const std::string path = name_or_path.substr(0, has_id ? mark : std::string::npos);
    return pick(open_plugin(path, Origin::foreign), has_id ? name_or_path.substr(mark + 1) : "", path);
  }

  std::vector<std::string> problems, ids;
  for (const Candidate& candidate : candidates_on_search_path(problems)) {
    try {
      for (const auto& solver : open_plugin(candidate.file, candidate.origin)) {
        if (solver->info().id == name_or_path) {
          // One of these may be the file that was meant.
          for (const std::string& problem : problems) log_info("not loaded: " + problem);
          return solver;
        }
        ids.push_back(solver->info().id);
      }
    } catch (const Error& error) {
      // Going on to another solver of the same name behind a broken file that was meant would be a silent surprise.
      if (candidate.file.stem() == name_or_path) throw;
      problems.emplace_back(error.what());
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::string hint;
  const std::string near = nearest_name(name_or_path, ids);
  if (!near.empty()) hint = fmt::format("did you mean '{}'? ", near);
  hint += ids.empty() ? "no solver was found at all" : fmt::format("known: {}", fmt::join(ids, ", "));
  hint += name_or_path.ends_with(".so") ? fmt::format("; to load a file write ./{}", name_or_path)
                                        : "; a path to a plugin contains a '/'";
  if (!problems.empty()) hint += fmt::format("\n  not loaded: {}", fmt::join(problems, "\n  not loaded: "));
  throw Error(ExitCode::usage, fmt::format("unknown solver '{}'", name_or_path), {}, hint);
}

std::vector<std::shared_ptr<const Solver>> list_solvers(std::vector<std::string>* problems) {
  std::vector<std::string> found_problems;
  std::vector<std::shared_ptr<const Solver>> all;
  for (const Candidate& candidate : candidates_on_search_path(found_problems)) {
    try {
      for (const auto& solver : open_plugin(candidate.file, candidate.origin)) {
        const auto same = std::find_if(all.begin(), all.end(),
                                       [&](const auto& other) { return other->info().id == solver->info().id; });
        if (same == all.end()) {
          all.push_back(solver);
        } else if ((*same)->info().file != solver->info().file) {
          found_problems.push_back(fmt::format("{}: its solver '{}' is hidden by {}", solver->info().file.string(),
                                               solver->info().id, (*same)->info().file.string()));
        }
      }
    } catch (const Error& error) {
      found_problems.emplace_back(error.what());
    }
  }
  if (problems) *problems = std::move(found_problems);
  return all;
}

}  // namespace pathline::solvers
