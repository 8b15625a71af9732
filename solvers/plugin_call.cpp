#include "solvers/plugin_call.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "core/error.h"

namespace pathline::solvers {
namespace {

struct Fatal {
  int number;
  const char* what;
};
constexpr std::array fatal_signals = {
    Fatal{SIGABRT, "aborted"}, Fatal{SIGSEGV, "crashed (segmentation fault)"}, Fatal{SIGBUS, "crashed (bus error)"},
    Fatal{SIGILL, "crashed (illegal instruction)"}, Fatal{SIGFPE, "crashed (arithmetic exception)"}};
std::array<struct sigaction, fatal_signals.size()> previous_actions;

extern "C" void name_the_plugin(int number, siginfo_t* info, void*) {
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
    if (fatal_signals[i].number != number) continue;
    PluginCall::end_if_inside(fatal_signals[i].what);
    // Not a plugin: as if this handler had never been. The instruction at fault is run again when this returns; what
    // was sent is sent again.
    ::sigaction(number, &previous_actions[i], nullptr);
    const bool faulty_instruction = info->si_code > 0;
    if (!faulty_instruction) ::raise(number);
  }
}

/// Once per process, and for good.
bool watch() {
  std::atexit([] { PluginCall::end_if_inside("called exit()"); });
  std::at_quick_exit([] { PluginCall::end_if_inside("called quick_exit()"); });
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which report crashes themselves
  struct sigaction action {};
  action.sa_sigaction = name_the_plugin;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < fatal_signals.size(); ++i) {
    ::sigaction(fatal_signals[i].number, &action, &previous_actions[i]);
  }
#endif
  return true;
}

void say(const char* text) noexcept {
  for (std::size_t left = std::strlen(text); left > 0;) {
    const ssize_t written = ::write(STDERR_FILENO, text, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    left -= static_cast<std::size_t>(written);
  }
}

}  // namespace

PluginCall::PluginCall(const std::filesystem::path& file, const std::string& solver, const char* function)
    : file_(file.c_str()), solver_(solver.c_str()), function_(function), outer_(current_) {
  static const bool watching = watch();
  (void)watching;
  std::fegetenv(&mode_);
  current_ = this;
}

PluginCall::~PluginCall() {
  std::fesetenv(&mode_);
  current_ = outer_;
}

void PluginCall::end_if_inside(const char* what) noexcept {
  const PluginCall* const call = current_;
  if (!call) return;
  current_ = nullptr;
  for (const char* const part :
       {"pathline: error: ", call->file_, ": ", call->solver_, " ", what, " in its ", call->function_,
        "\n  hint: a solver returns a status and never ends the process; `pathline solvers check` examines it, and its "
        "author must correct it\n"}) {
    say(part);
  }
  std::_Exit(static_cast<int>(ExitCode::bad_input));
}

}  // namespace pathline::solvers
