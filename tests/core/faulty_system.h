#pragma once
// A System (core/system.h) that does everything for real, counts it, and lets one call fail as a disk or a signal
// would. Header only, for the tests of every room.
//
//     for_every_fault([&](FaultySystem& system) {
//       ... prepare ...
//       const auto error = error_under(system, [&] { write_file_durably(file, "new"); });
//       expect_documented(error, system);
//       ... old or new, whole, and nothing beside it ...
//     });

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "core/system.h"
#include "tests/core/expect_error.h"

namespace pathline::test {

enum class Call { open, read, pread, write, pwrite, fsync, close, truncate, rename, mkdir, unlink, count };

inline const char* name_of(Call call) {
  constexpr std::array<const char*, static_cast<std::size_t>(Call::count)> names = {
      "open", "read", "pread", "write", "pwrite", "fsync", "close", "truncate", "rename", "mkdir", "unlink"};
  return names.at(static_cast<std::size_t>(call));
}

/// In place of an errno: the call succeeds, but takes only half of what it was given. Means something to writes only.
constexpr int kShortWrite = -1;

struct Fault {
  std::uint64_t number = 0;       ///< which call: 1 is the first; 0: none
  int error = EIO;                ///< errno, or kShortWrite
  std::optional<Call> kind = {};  ///< count calls of this kind only
  bool lasting = false;           ///< and all calls after it: a device that has gone
};

class FaultySystem : public System {
 public:
  explicit FaultySystem(Fault fault = {}) : fault_(fault) {}

  std::uint64_t calls() const { return calls_; }
  std::uint64_t calls(Call kind) const { return of_kind_.at(static_cast<std::size_t>(kind)); }
  const Fault& fault() const { return fault_; }
  /// Whether the fault has been met.
  bool fired() const { return fired_; }
  /// Whether the fault is one that no caller may notice.
  bool harmless() const {
    return !fired_ || (!fault_.lasting && (fault_.error == EINTR || fault_.error == kShortWrite));
  }
  /// The kind of the call that failed (first).
  Call failed() const { return failed_; }

  /// Time passes by this much.
  void advance(std::chrono::system_clock::duration duration) { passed_ = passed_.load() + duration; }
  std::chrono::system_clock::time_point wall() override { return System::wall() + passed_.load(); }
  std::chrono::steady_clock::time_point monotonic() override { return System::monotonic() + passed_.load(); }

 private:
  /// Counts the call. True: it must fail, errno is set.
  bool fails(Call kind) {
    std::uint64_t number = ++calls_;
    const std::uint64_t in_kind = ++of_kind_.at(static_cast<std::size_t>(kind));
    if (fault_.kind) {
      if (kind != *fault_.kind) return false;
      number = in_kind;
    }
    if (fault_.number == 0 || (fault_.lasting ? number < fault_.number : number != fault_.number)) return false;
    if (fault_.error == kShortWrite && kind != Call::write && kind != Call::pwrite) return false;
    if (!fired_.exchange(true)) failed_ = kind;
    errno = fault_.error;
    return true;
  }

  int open_once(const Path& path, int flags, unsigned mode) override {
    return fails(Call::open) ? -1 : ::open(path.c_str(), flags, mode);
  }
  ssize_t read_once(int fd, void* out, std::size_t bytes) override {
    return fails(Call::read) ? -1 : ::read(fd, out, bytes);
  }
  ssize_t pread_once(int fd, void* out, std::size_t bytes, std::uint64_t offset) override {
    return fails(Call::pread) ? -1 : ::pread(fd, out, bytes, static_cast<off_t>(offset));
  }
  ssize_t write_once(int fd, const void* data, std::size_t bytes) override {
    if (!fails(Call::write)) return ::write(fd, data, bytes);
    return fault_.error == kShortWrite ? ::write(fd, data, (bytes + 1) / 2) : -1;
  }
  ssize_t pwrite_once(int fd, const void* data, std::size_t bytes, std::uint64_t offset) override {
    if (!fails(Call::pwrite)) return ::pwrite(fd, data, bytes, static_cast<off_t>(offset));
    return fault_.error == kShortWrite ? ::pwrite(fd, data, (bytes + 1) / 2, static_cast<off_t>(offset)) : -1;
  }
  int fsync_once(int fd) override { return fails(Call::fsync) ? -1 : ::fsync(fd); }
  int close_once(int fd) override {  // as in Linux: closed, whatever it says
    const bool failing = fails(Call::close);
    const int error = errno;
    const int result = ::close(fd);
    if (!failing) return result;
    errno = error;
    return -1;
  }
  int truncate_once(int fd, std::uint64_t bytes) override {
    return fails(Call::truncate) ? -1 : ::ftruncate(fd, static_cast<off_t>(bytes));
  }
  int rename_once(const Path& from, const Path& to) override {
    return fails(Call::rename) ? -1 : ::rename(from.c_str(), to.c_str());
  }
  int mkdir_once(const Path& path, unsigned mode) override {
    return fails(Call::mkdir) ? -1 : ::mkdir(path.c_str(), mode);
  }
  int unlink_once(int folder_fd, const Path& path, int flags) override {
    return fails(Call::unlink) ? -1 : ::unlinkat(folder_fd, path.c_str(), flags);
  }

  const Fault fault_;
  std::atomic<std::uint64_t> calls_ = 0;
  std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Call::count)> of_kind_{};
  std::atomic<bool> fired_ = false;
  std::atomic<Call> failed_ = Call::count;
  std::atomic<std::chrono::system_clock::duration> passed_ = std::chrono::system_clock::duration::zero();
};

/// Runs `action` with `system` in place. What it has thrown; nothing: it succeeded.
template <class Action>
std::optional<Error> error_under(System& system, Action&& action) {
  const SystemOverride override(system);
  try {
    action();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

/// An interrupted call or a short write is nobody's business; any other failure is Error(file_system) that names a
/// place and the system's reason.
inline void expect_documented(const std::optional<Error>& error, const FaultySystem& system) {
  if (system.harmless()) {
    EXPECT_FALSE(error.has_value()) << error->what();
    return;
  }
  if (!error) {
    ADD_FAILURE() << "the failure went unnoticed";
    return;
  }
  EXPECT_EQ(error->code(), ExitCode::file_system) << error->what();
  EXPECT_FALSE(error->place().empty());
  EXPECT_TRUE(contains(error->message(), std::generic_category().message(system.fault().error)));
}

/// Calls `once` again and again, each time with a system whose next call fails, in each of the ways, until the
/// operation makes fewer calls than that. `once` must run the operation under the system it is given.
inline void for_every_fault(const std::function<void(FaultySystem&)>& once, bool lasting = false) {
  for (const int error : {ENOSPC, EIO, EDQUOT, EINTR, kShortWrite}) {
    if (lasting && error != EIO) continue;
    for (std::uint64_t number = 1;; ++number) {
      FaultySystem system({number, error, {}, lasting});
      once(system);
      if (system.calls() < number) break;  // no call has failed: every one had its turn
      if (!testing::Test::HasFailure()) continue;
      ADD_FAILURE() << "with call " << number
                    << (system.fired() ? std::string(" (") + name_of(system.failed()) + ")" : "")
                    << " failing: " << (error == kShortWrite ? "short write" : std::generic_category().message(error));
      return;
    }
  }
}

}  // namespace pathline::test
