#pragma once
// A child process whose output is collected and which ends in bounded time. With a report channel it can also send
// lines of its own while its stdout and stderr belong to whatever code it runs.
//
// Started with posix_spawn: nothing is forked from a process that may have threads. It starts with every signal as the
// system has it, none ignored or blocked. Ownership: the object owns the process; destroying it ends and reaps it.
// Thread-safety: one object, one thread.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/file_descriptor.h"

namespace pathline {

class ChildProcess {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  /// The descriptor of the report channel in the child.
  static constexpr int report_descriptor = 3;

  /// The descriptor of Options::given in the child.
  static constexpr int given_descriptor = 4;

  struct Options {
    bool report_channel = false;
    int given = -1;  ///< a descriptor of ours that the child gets, too; it is borrowed for the call
    bool confined =
        false;  ///< it confines itself (core/confinement.h): asked to end, it ends what it has started first
  };
  /// stdin is /dev/null, the environment this process's. Throws Error(file_system) if it cannot be started.
  ChildProcess(const std::vector<std::string>& command, const Options& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  enum class Event { received, ended, late };
  /// Waits for a line of the report channel (`line`, without its end), for the end of the process, or for the deadline.
  Event wait(Deadline deadline, std::string& line);
  /// Waits for so many bytes of the report channel. Not to be mixed with lines.
  Event read(Deadline deadline, void* out, std::size_t bytes);

  pid_t pid() const noexcept { return pid_; }                     ///< -1 once ended
  int status() const noexcept { return status_; }                 ///< as of waitpid, once ended
  const std::string& output() const noexcept { return output_; }  ///< the end of what it wrote
  std::string last_words() const;                                 ///< the last of it in one line: ": text", or ""

 private:
  bool read_output();
  bool read_available();
  bool nap(Deadline deadline, bool open) const;
  bool take_line(std::string& line);
  bool reap(bool wait);

  const bool confined_;
  pid_t pid_ = -1;
  int status_ = 0;
  FileDescriptor output_pipe_, report_pipe_;
  std::string output_, report_;
};

/// "was ended by signal 6 (Aborted)", "ended its process (exit code 3)".
std::string describe_end(int status);

}  // namespace pathline
