#pragma once
// The one way pathline writes files: into a temporary sibling, checked write by write, flushed, fsynced, renamed,
// folder fsynced. A full disk, a kill or a crash leaves the old file or none, never half of one. Every writer in the
// program goes through here.
//
// Errors: Error(file_system) with the path, the system's reason and a hint. Thread-safety: one object, one thread.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/file_descriptor.h"

namespace pathline {

/// One file under construction. Destroyed without commit(): the temporary file is removed and the target untouched (a
/// temporary that cannot be removed is named in a warning).
class DurableFile {
 public:
  /// Creates `.NAME.tmp-HOST-PID-K` beside `target`; the parent folder must exist. A target that is there must be a
  /// regular file or a link to one (which is then replaced, not the link): a folder or a device such as /dev/null is
  /// Error(usage). What replaces a file has its permissions, a new file those that the umask leaves of 0666.
  explicit DurableFile(std::filesystem::path target);
  ~DurableFile();
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Overwrites bytes already written (headers whose contents are known late). REQUIRES: offset + bytes <=
  /// bytes_written().
  void write_at(std::uint64_t offset, const void* data, std::size_t bytes);
  std::uint64_t bytes_written() const noexcept { return size_; }
  const std::filesystem::path& temporary_path() const noexcept { return temporary_; }

  /// fsync, rename over the target, fsync the folder. At most once, whether it succeeds or not: what one fsync has lost
  /// the next does not report. If only the last fsync fails a new file is taken back; one that has replaced another
  /// stays, whole, and the error says so.
  void commit();

 private:
  void write_all(std::uint64_t offset, const void* data, std::size_t bytes);

  std::filesystem::path target_, temporary_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
  bool failed_ = false;  // a write or the flush failed: what is there must never be committed
};

/// A folder under construction: a hidden sibling `.NAME.tmp-HOST-PID-K`, renamed as a whole. Files inside are written
/// with DurableFile.
class DurableDirectory {
 public:
  /// Throws Error(usage) if `target` exists already.
  explicit DurableDirectory(std::filesystem::path target);
  ~DurableDirectory();  ///< removes the hidden folder if not committed
  DurableDirectory(const DurableDirectory&) = delete;
  DurableDirectory& operator=(const DurableDirectory&) = delete;

  const std::filesystem::path& path() const noexcept { return temporary_; }  ///< where to put the files
  /// fsync the folder and those inside, rename, fsync the parent. At most once.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  bool committed_ = false;
};

/// Error(usage) if something is there already, be it only a broken link.
void require_absent(const std::filesystem::path& target);
/// Renames the finished folder `made` to `target` on the same file system: fsyncs it and those inside, renames, fsyncs
/// the parent. Error(usage) if `target` has appeared meanwhile. After any error the folder is `made` again.
void publish_folder(const std::filesystem::path& made, const std::filesystem::path& target);

/// Removes leftovers (`.NAME.tmp-HOST-PID-K`) of killed processes in `folder`: those of this host whose process is
/// gone, and those of other hosts untouched for a day (their processes cannot be asked). What cannot be removed is
/// named in a warning.
void remove_stale_temporaries(const std::filesystem::path& folder);

/// Whole file in one go.
void write_file_durably(const std::filesystem::path& target, std::string_view contents);
/// Reads a whole file. Throws Error(file_system) if missing or unreadable, Error(bad_input) if it is no regular file
/// (core/regular_file.h) or larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 32);
/// mkdir -p; throws Error(file_system) with a hint.
void make_folder(const std::filesystem::path& path);

}  // namespace pathline
