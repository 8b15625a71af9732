#include "solvers/load_probe.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace pathline::solvers {
namespace {

constexpr const char* success_mark = "pathline-loaded";

/// The environment with the object first in LD_PRELOAD. Symbols stay lazily bound: missing ones are dlopen's to report.
std::vector<std::string> child_environment(const std::string& object) {
  std::vector<std::string> variables;
  std::string preload = "LD_PRELOAD=" + object;
  for (char** variable = environ; *variable; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("LD_PRELOAD=")) {
      preload += ":" + std::string(text.substr(std::strlen("LD_PRELOAD=")));
    } else if (!text.starts_with("LD_BIND_NOW=")) {
      variables.emplace_back(text);
    }
  }
  variables.push_back(preload);
  return variables;
}

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

/// Reads until the end or the deadline. Returns false at the deadline.
bool read_until_closed(int fd, std::string& text, std::chrono::steady_clock::time_point deadline) {
  constexpr std::size_t kept = 1 << 16;
  char buffer[4096];
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 1000)));
    if (ready < 0 && errno != EINTR) return true;
    if (ready <= 0) continue;
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got == 0 || (got < 0 && errno != EINTR)) return true;
    if (got > 0 && text.size() < kept) text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string last_words(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  const auto end = text.find_last_not_of(' ');
  if (end == std::string::npos) return "";
  text.resize(end + 1);
  constexpr std::size_t longest = 400;
  if (text.size() > longest) text = "…" + text.substr(text.size() - longest);
  return ": " + text;
}

}  // namespace

std::string why_loading_fails(const std::filesystem::path& file, std::chrono::milliseconds limit) {
  // LD_PRELOAD is a list separated by these: such a path cannot be named there.
  if (file.string().find_first_of(": ") != std::string::npos) return "";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "";

  FileActions actions;
  posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), ends[1], 1);
  posix_spawn_file_actions_adddup2(actions.get(), ends[1], 2);
  std::vector<std::string> variables = child_environment(file.string());
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string program = "/bin/echo", mark = success_mark;
  char* arguments[] = {program.data(), mark.data(), nullptr};

  pid_t child = 0;
  const int spawned = ::posix_spawn(&child, program.c_str(), actions.get(), nullptr, arguments, environment.data());
  ::close(ends[1]);
  if (spawned != 0) {
    ::close(ends[0]);
    return "";
  }
  std::string output;
  const bool in_time = read_until_closed(ends[0], output, std::chrono::steady_clock::now() + limit);
  ::close(ends[0]);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }

  if (!in_time) return fmt::format("was still loading after {:.0f} s", static_cast<double>(limit.count()) / 1000);
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return fmt::format("was ended by signal {} ({}) while loading{}", signal, ::strsignal(signal), last_words(output));
  }
  constexpr int unresolved_symbol = 127;  // the dynamic loader's; dlopen will name the symbol
  if (WIFEXITED(status) && WEXITSTATUS(status) == unresolved_symbol) return "";
  if (output.find(success_mark) == std::string::npos) {
    return fmt::format("ended its process (exit code {}) while loading{}", WEXITSTATUS(status), last_words(output));
  }
  return "";
}

}  // namespace pathline::solvers
