#include "core/child_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "core/error.h"

extern char** environ;

namespace pathline {
namespace {

class SpawnAttributes {
 public:
  /// What this process ignores or blocks, its child does not: a signal that ends programs ends it.
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

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

struct Pipe {
  FileDescriptor reading, writing;
};

/// Above all that a child finds in a place of its own.
constexpr int first_free_descriptor = 5;
/// It may have to find and end many processes first.
constexpr std::chrono::seconds patience_with_confined{15};

FileDescriptor moved_up(int descriptor) {
  FileDescriptor given(descriptor);
  if (descriptor >= first_free_descriptor) return given;
  return FileDescriptor(::fcntl(descriptor, F_DUPFD_CLOEXEC, first_free_descriptor));
}

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw system_error(errno, "cannot make a pipe", "");
  Pipe pipe{moved_up(ends[0]), moved_up(ends[1])};
  if (!pipe.reading || !pipe.writing) throw system_error(errno, "cannot make a pipe", "");
  ::fcntl(pipe.reading.get(), F_SETFL, O_NONBLOCK);
  return pipe;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Reads what is there, but not for ever when more keeps coming. Returns false at the end of the pipe.
bool drain(const FileDescriptor& pipe, std::string& text) {
  constexpr int most_reads = 64;
  char buffer[4096];
  for (int reads = 0; reads < most_reads;) {
    const ssize_t got = ::read(pipe.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 && errno == EAGAIN;
    text.append(buffer, static_cast<std::size_t>(got));
    ++reads;
  }
  return true;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, const Options& options)
    : confined_(options.confined) {
  Pipe output = make_pipe();
  Pipe report = options.report_channel ? make_pipe() : Pipe{};
  const FileDescriptor given(options.given < 0 ? -1 : ::fcntl(options.given, F_DUPFD_CLOEXEC, first_free_descriptor));
  FileActions actions;
  posix_spawn_file_actions_addopen(actions.get(), 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), output.writing.get(), 1);
  posix_spawn_file_actions_adddup2(actions.get(), output.writing.get(), 2);
  if (options.report_channel) {
    posix_spawn_file_actions_adddup2(actions.get(), report.writing.get(), report_descriptor);
  }
  if (given) posix_spawn_file_actions_adddup2(actions.get(), given.get(), given_descriptor);
  std::vector<std::string> arguments = command;
  const SpawnAttributes attributes;
  const int error =
      ::posix_spawn(&pid_, command[0].c_str(), actions.get(), attributes.get(), pointers_to(arguments).data(), environ);
  if (error != 0) {
    pid_ = -1;
    throw system_error(error, "cannot start", command[0]);
  }
  output_pipe_ = std::move(output.reading);
  report_pipe_ = std::move(report.reading);
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  if (confined_) {
    ::kill(pid_, SIGTERM);
    const auto latest = std::chrono::steady_clock::now() + patience_with_confined;
    while (!reap(false) && std::chrono::steady_clock::now() < latest) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (pid_ < 0) return;
  }
  ::kill(pid_, SIGKILL);
  reap(true);
}

ChildProcess::Event ChildProcess::wait(Deadline deadline, std::string& line) {
  while (true) {
    if (take_line(line)) return Event::received;
    // The process is asked first: what it wrote before its end is in the pipes by then.
    const bool ended = pid_ < 0 || reap(false);
    const bool open = read_available();
    if (take_line(line)) return Event::received;
    if (ended) return Event::ended;
    if (!nap(deadline, open)) return Event::late;
  }
}

ChildProcess::Event ChildProcess::read(Deadline deadline, void* out, std::size_t bytes) {
  auto* to = static_cast<char*>(out);
  while (true) {
    const bool ended = pid_ < 0 || reap(false);
    bool open = read_output();
    while (bytes > 0) {
      const ssize_t got = ::read(report_pipe_.get(), to, bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        open = open && got < 0;
        break;
      }
      to += got;
      bytes -= static_cast<std::size_t>(got);
    }
    if (bytes == 0) return Event::received;
    if (ended) return Event::ended;
    if (!nap(deadline, open)) return Event::late;
  }
}

/// Waits until there may be something to do. Returns false if the deadline has passed.
bool ChildProcess::nap(Deadline deadline, bool open) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  // Both pipes may have been closed, or be held open by others, without the process having ended: look now and then.
  constexpr std::int64_t longest_nap = 50;
  pollfd waiting[2] = {{output_pipe_.get(), POLLIN, 0}, {report_pipe_.get(), POLLIN, 0}};
  ::poll(waiting, open ? (report_pipe_ ? 2 : 1) : 0, static_cast<int>(std::min(left.count(), longest_nap)));
  return true;
}

bool ChildProcess::read_output() {
  const bool open = drain(output_pipe_, output_);
  constexpr std::size_t kept = 1 << 16;
  if (output_.size() > kept) output_.erase(0, output_.size() - kept);
  return open;
}

bool ChildProcess::read_available() {
  const bool output_open = read_output();
  const bool report_open = !report_pipe_ || drain(report_pipe_, report_);
  return output_open && report_open;
}

bool ChildProcess::take_line(std::string& line) {
  const auto end = report_.find('\n');
  if (end == std::string::npos) return false;
  line = report_.substr(0, end);
  report_.erase(0, end + 1);
  return true;
}

bool ChildProcess::reap(bool wait) {
  pid_t got;
  while ((got = ::waitpid(pid_, &status_, wait ? 0 : WNOHANG)) < 0 && errno == EINTR) {
  }
  if (got == 0) return false;
  pid_ = -1;
  return true;
}

std::string ChildProcess::last_words() const {
  std::string text = output_;
  std::replace(text.begin(), text.end(), '\n', ' ');
  const auto end = text.find_last_not_of(' ');
  if (end == std::string::npos) return "";
  text.resize(end + 1);
  constexpr std::size_t longest = 400;
  if (text.size() > longest) text = "…" + text.substr(text.size() - longest);
  return ": " + text;
}

std::string describe_end(int status) {
  if (!WIFSIGNALED(status)) return fmt::format("ended its process (exit code {})", WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  return fmt::format("was ended by signal {} ({})", signal, ::strsignal(signal));
}

}  // namespace pathline
