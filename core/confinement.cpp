#include "core/confinement.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/descendants.h"
#include "core/helper_program.h"

namespace pathline {
namespace {

/// What the kernel ends a process with that makes a forbidden system call.
constexpr int forbidden = SIGSYS;

#if defined(__x86_64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t this_architecture = AUDIT_ARCH_AARCH64;
#endif

/// From here on a system call that starts a process ends this one; threads are free. False if the kernel has no such
/// filters.
bool forbid_processes() {
#if defined(PATHLINE_SANITIZED)
  return false;  // the leak sanitizer starts one when the program ends
#else
#define PATHLINE_LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, field))
#define PATHLINE_RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define PATHLINE_UNLESS(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
  sock_filter program[] = {
    PATHLINE_LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, this_architecture, 1, 0),
    PATHLINE_RETURN(SECCOMP_RET_KILL_PROCESS),
    PATHLINE_LOAD(nr),
#if defined(__x86_64__)
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),  // the calls of x32, a third set of numbers
    PATHLINE_RETURN(SECCOMP_RET_KILL_PROCESS),
    PATHLINE_UNLESS(__NR_fork, 1),
    PATHLINE_RETURN(SECCOMP_RET_KILL_PROCESS),
    PATHLINE_UNLESS(__NR_vfork, 1),
    PATHLINE_RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
    // The flags of clone3 lie in memory, where a filter cannot look. Told that there is no such call, the C library
    // uses clone.
    PATHLINE_UNLESS(__NR_clone3, 1),
    PATHLINE_RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    PATHLINE_UNLESS(__NR_clone, 3),
    PATHLINE_LOAD(args[0]),  // the lower half: both processors are little-endian
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
    PATHLINE_RETURN(SECCOMP_RET_KILL_PROCESS),
    PATHLINE_RETURN(SECCOMP_RET_ALLOW),
  };
#undef PATHLINE_LOAD
#undef PATHLINE_RETURN
#undef PATHLINE_UNLESS
  const sock_fprog filter{sizeof program / sizeof *program, program};
  // The first is what allows an ordinary user the second: nothing started from here on gains rights.
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
#endif
}

/// 0: as it is. The hard limit is one more, because the processor time's is not told before it ends the process.
void limit(decltype(RLIMIT_CPU) what, std::uint64_t most) {
  rlimit now{};
  if (most == 0 || ::getrlimit(what, &now) != 0) return;
  const rlimit wanted{std::min<rlim_t>(most, now.rlim_max), std::min<rlim_t>(most + 1, now.rlim_max)};
  ::setrlimit(what, &wanted);
}

void apply(const Confinement& limits) {
  // What the foreign code sends to its own process group must not reach the keeper, nor the user's terminal.
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  limit_helper(limits.memory_bytes);
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(limits.processor_time.count()));
  limit(RLIMIT_FSIZE, limits.file_bytes);
  if (limits.processes == 0) forbid_processes();
}

[[noreturn]] void end_by(int number) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  std::signal(number, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, number);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(number);
  ::_exit(1);
}

/// Waits until the helper has ended, or must.
[[noreturn]] void keep(pid_t helper, const Confinement& limits, const sigset_t& signals) {
  constexpr timespec look{0, 20'000'000};
  constexpr std::chrono::seconds patience{10};
  while (true) {
    const int received = ::sigtimedwait(&signals, nullptr, &look);
    int status = 0;
    pid_t ended;
    while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0 && ended != helper) {
    }
    if (ended == helper) {
      end_all_children(patience);
      if (WIFSIGNALED(status)) end_by(WTERMSIG(status));
      ::_exit(WEXITSTATUS(status));
    }
    const bool asked_to_end = received > 0 && received != SIGCHLD;
    const bool too_many = descendants_of(::getpid()).size() > static_cast<std::size_t>(limits.processes) + 1;
    if (!asked_to_end && !too_many) continue;
    end_all_children(patience);
    end_by(asked_to_end ? SIGTERM : forbidden);
  }
}

}  // namespace

void confine_this_process(const Confinement& limits) {
  sigset_t signals, before;
  ::sigemptyset(&signals);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
    std::signal(number, SIG_DFL);  // ignored ones would not be seen
    ::sigaddset(&signals, number);
  }
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  const pid_t helper = ::fork();
  if (helper > 0) keep(helper, limits, signals);
  // No second process to be had: this one keeps the limits by itself.
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  apply(limits);
}

bool started_too_many_processes(int status) {
  return WIFSIGNALED(status) && WTERMSIG(status) == forbidden;
}

}  // namespace pathline
