#include "core/descendants.h"

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <dirent.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/file_descriptor.h"

namespace pathline {
namespace {

std::string contents_of(const std::string& file_of_proc) {
  const FileDescriptor file(open_retrying(file_of_proc, O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while (file && (got = ::read(file.get(), buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

/// The entries of a folder that are numbers: processes, or threads of a process.
std::vector<pid_t> numbers_in(const std::string& folder) {
  std::vector<pid_t> numbers;
  DIR* const open = ::opendir(folder.c_str());
  while (const dirent* const entry = open ? ::readdir(open) : nullptr) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0]))) numbers.push_back(std::atoi(entry->d_name));
  }
  if (open) ::closedir(open);
  return numbers;
}

/// As each thread of the process lists them.
std::vector<pid_t> listed_children(pid_t process) {
  std::vector<pid_t> children;
  const std::string threads = "/proc/" + std::to_string(process) + "/task/";
  for (const pid_t thread : numbers_in(threads)) {
    std::istringstream list(contents_of(threads + std::to_string(thread) + "/children"));
    for (pid_t child; list >> child;) children.push_back(child);
  }
  return children;
}

/// All processes.
std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t process : numbers_in("/proc")) {
    // "PID (NAME) STATE PARENT …", where the name may hold anything, parentheses too.
    const std::string stat = contents_of("/proc/" + std::to_string(process) + "/stat");
    const auto end_of_name = stat.rfind(')');
    if (end_of_name == std::string::npos || end_of_name + 4 >= stat.size()) continue;
    children.emplace(std::atoi(stat.c_str() + end_of_name + 4), process);
  }
  return children;
}

/// Reaps what has ended. False if there are no children at all.
bool reap_ended_children() {
  pid_t got;
  while ((got = ::waitpid(-1, nullptr, WNOHANG)) > 0 || (got < 0 && errno == EINTR)) {
  }
  return got == 0;
}

}  // namespace

bool children_are_listed() {
  return ::access("/proc/thread-self/children", R_OK) == 0;
}

std::vector<pid_t> descendants_of(pid_t process, bool from_lists) {
  std::multimap<pid_t, pid_t> by_parent;
  if (!from_lists) by_parent = children_by_parent();
  std::vector<pid_t> found = {process};
  std::set<pid_t> known(found.begin(), found.end());  // process ids are used again: never twice through the same one
  const auto add = [&](pid_t child) {
    if (known.insert(child).second) found.push_back(child);
  };
  for (std::size_t next = 0; next < found.size(); ++next) {
    if (from_lists) {
      for (const pid_t child : listed_children(found[next])) add(child);
    } else {
      const auto [begin, end] = by_parent.equal_range(found[next]);
      for (auto child = begin; child != end; ++child) add(child->second);
    }
  }
  found.erase(found.begin());
  return found;
}

bool end_all_children(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::set<pid_t> stopped;
  while (reap_ended_children()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::size_t newly_stopped = 0;
    for (const pid_t process : descendants_of(::getpid())) {
      if (stopped.insert(process).second && ::kill(process, SIGSTOP) == 0) ++newly_stopped;
    }
    if (newly_stopped > 0) continue;  // until a look finds none that runs
    for (const pid_t process : descendants_of(::getpid())) ::kill(process, SIGKILL);
    stopped.clear();
    constexpr timespec pause{0, 1000000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

}  // namespace pathline
