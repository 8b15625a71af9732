#pragma once
// Marks when code of a plugin runs in this process, so that a plugin which ends the process is named and does not pass
// for success: exit() and quick_exit() from inside a plugin, an abort, a segmentation fault and their like write an
// error line and end the process with exit code 3. What cannot be seen from inside the process is _exit().
//
// Thread-safety: the marks are each thread's own.

#include <cfenv>
#include <filesystem>
#include <string>

namespace pathline::solvers {

class PluginCall {
 public:
  /// A function of a solver is about to be called. The strings are borrowed.
  PluginCall(const std::filesystem::path& file, const std::string& solver, const char* function);
  ~PluginCall();
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

  /// For the lifetime of the object the host is at work again, called by a plugin.
  class Host {
   public:
    Host() noexcept : interrupted_(current_) { current_ = nullptr; }
    ~Host() { current_ = interrupted_; }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

   private:
    const PluginCall* const interrupted_;
  };

  /// If this thread is inside a plugin: says so with `what` ("called exit()"), and ends the process with code 3.
  /// Async-signal-safe.
  static void end_if_inside(const char* what) noexcept;

 private:
  const char* const file_;
  const char* const solver_;
  const char* const function_;
  const PluginCall* const outer_;
  std::fenv_t mode_;
  inline static thread_local const PluginCall* current_ = nullptr;
};

}  // namespace pathline::solvers
