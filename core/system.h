#pragma once
// The seam to the operating system: the calls through which pathline reads files and changes what lies on disk, and
// its clocks. A running program has the real ones; a test puts its own in their place and makes the seventh fsync fail
// (tests/core/faulty_system.h). After LevelDB's Env.
//
// The public functions do what every caller would have to do: a call that a signal interrupted is made again, a short
// write is continued. Otherwise they report as the system does, with errno: what a failure means, the caller knows.
// Looking (stat, listing a folder) is not part of it: std::filesystem does that.
//
// Thread-safety: any thread may call; an implementation must stand that, too.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <sys/types.h>

namespace pathline {

class System {
 public:
  using Path = std::filesystem::path;

  System() = default;
  virtual ~System() = default;
  System(const System&) = delete;
  System& operator=(const System&) = delete;

  /// The one in use: the real one, unless a SystemOverride is alive.
  static System& current() noexcept;

  // Each returns -1 with errno set on failure.
  int open(const Path& path, int flags, unsigned mode = 0);
  /// One read(2) or pread(2): may return fewer bytes than asked for, 0 at the end of the file.
  ssize_t read(int fd, void* out, std::size_t bytes);
  ssize_t pread(int fd, void* out, std::size_t bytes, std::uint64_t offset);
  int fsync(int fd);
  /// Closes `fd` whatever it returns. Network file systems may report a full disk only here.
  int close(int fd);
  int truncate(int fd, std::uint64_t bytes);
  int rename(const Path& from, const Path& to);
  int mkdir(const Path& path, unsigned mode = 0777);
  int unlink(const Path& path);
  int rmdir(const Path& path);
  /// unlinkat(2): `name` inside the open folder `folder_fd`; `flags`: 0, or AT_REMOVEDIR for a folder.
  int unlink_at(int folder_fd, const char* name, int flags);

  /// All of `data`. Returns the bytes written: fewer than `bytes` on failure, with errno set.
  std::size_t write(int fd, const void* data, std::size_t bytes);
  std::size_t pwrite(int fd, const void* data, std::size_t bytes, std::uint64_t offset);

  /// For durations; what it counts from means nothing.
  virtual std::chrono::steady_clock::time_point monotonic();
  virtual std::chrono::system_clock::time_point wall();

 private:
  // The system calls themselves, one try each: what a test replaces.
  virtual int open_once(const Path& path, int flags, unsigned mode);
  virtual ssize_t read_once(int fd, void* out, std::size_t bytes);
  virtual ssize_t pread_once(int fd, void* out, std::size_t bytes, std::uint64_t offset);
  virtual ssize_t write_once(int fd, const void* data, std::size_t bytes);
  virtual ssize_t pwrite_once(int fd, const void* data, std::size_t bytes, std::uint64_t offset);
  virtual int fsync_once(int fd);
  virtual int close_once(int fd);
  virtual int truncate_once(int fd, std::uint64_t bytes);
  virtual int rename_once(const Path& from, const Path& to);
  virtual int mkdir_once(const Path& path, unsigned mode);
  virtual int unlink_once(int folder_fd, const Path& path, int flags);
};

/// Puts another System in place of the current one for its lifetime. For tests. Overrides nest; threads that use the
/// system must have ended, or hold no reference to it, before the override does.
class SystemOverride {
 public:
  explicit SystemOverride(System& system) noexcept;
  ~SystemOverride();
  SystemOverride(const SystemOverride&) = delete;
  SystemOverride& operator=(const SystemOverride&) = delete;

 private:
  System* before_;
};

}  // namespace pathline
