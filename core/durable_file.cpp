#include "core/durable_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/regular_file.h"
#include "core/remove_tree.h"
#include "core/system.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = ".tmp-";
constexpr mode_t kPermissions = 0777;
constexpr std::size_t kLongestName = 200;  // leaves room for the rest of a 255-byte file name

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

/// Tells hosts apart that share a file system: 8 hexadecimal digits of the host name's hash.
std::string host_mark() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  const std::string_view host(name.data());
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", static_cast<unsigned>(xxh3_64(host.data(), host.size())));
  return digits.data();
}

fs::path temporary_name(const fs::path& target, int attempt) {
  const std::string name = target.filename().string().substr(0, kLongestName);
  return parent_of(target) / ("." + name + std::string(kMark) + host_mark() + "-" + std::to_string(::getpid()) + "-" +
                              std::to_string(attempt));
}

struct TemporaryOwner {
  std::string host;
  pid_t process;
};

bool all_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// Reads `.NAME.tmp-HOST-PID-K`; nothing for any other name, so that a file of someone else is never taken for ours.
std::optional<TemporaryOwner> owner_of(std::string_view name) {
  const std::size_t mark = name.rfind(kMark);
  if (name.empty() || name[0] != '.' || mark == std::string_view::npos || mark < 2) return {};
  std::string_view rest = name.substr(mark + kMark.size());
  if (rest.size() < 12 || rest[8] != '-' || !all_of(rest.substr(0, 8), "0123456789abcdef")) return {};
  const std::string host(rest.substr(0, 8));
  rest.remove_prefix(9);
  const std::size_t dash = rest.find('-');
  constexpr std::string_view kDecimal = "0123456789";
  if (dash == std::string_view::npos || dash > 9 || !all_of(rest.substr(0, dash), kDecimal) ||
      !all_of(rest.substr(dash + 1), kDecimal)) {
    return {};
  }
  return TemporaryOwner{host, static_cast<pid_t>(std::stol(std::string(rest.substr(0, dash))))};
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor fd(open_retrying(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (errno == EACCES) return;  // a folder that may be written but not listed: nothing more can be done
    throw system_error(errno, "cannot open the folder to flush it", folder.string());
  }
  // Some network and user-space file systems have no fsync for folders and say so with these two.
  if (System::current().fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    throw system_error(errno, "cannot flush the folder to disk", folder.string());
  }
}

/// For an error of the last flush of all, when what was written is where it should be.
Error in_place_all_the_same(const Error& error, const std::string& what, const fs::path& target) {
  return {error.code(), error.message() + "; the " + what + " is in place, but may not outlive a crash of the machine",
          target.string(), error.hint()};
}

void rename_over(const fs::path& from, const fs::path& to) {
  if (System::current().rename(from, to) != 0) {
    throw system_error(errno, "cannot move the finished temporary into place", to.string());
  }
}

}  // namespace

DurableFile::DurableFile(fs::path target) : target_(std::move(target)) {
  std::error_code ignored;
  if (fs::is_symlink(target_, ignored)) {
    const fs::path resolved = fs::weakly_canonical(target_, ignored);
    if (!ignored && !resolved.empty()) target_ = resolved;
  }
  const fs::file_status status = fs::status(target_, ignored);
  if (!target_.has_filename() || fs::is_directory(status)) {
    throw Error(ExitCode::usage, "cannot write a file here: this is a folder", target_.string(), "name a file");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    // Renaming over /dev/null would put a regular file in place of the device.
    throw Error(ExitCode::usage, "cannot write here: this is not a regular file", target_.string(),
                "name a file that does not exist yet, or a regular one");
  }
  const bool replaces = fs::exists(status);
  for (int attempt = 0;; ++attempt) {
    temporary_ = temporary_name(target_, attempt);
    // In place of another file it is readable and writable for those who could read and write that one.
    file_ = FileDescriptor(open_retrying(temporary_, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, replaces ? 0600 : 0666));
    if (!file_ && errno == EEXIST) continue;
    if (!file_) throw system_error(errno, "cannot create the file", target_.string());
    if (replaces && ::fchmod(file_.get(), static_cast<mode_t>(status.permissions()) & kPermissions) != 0) {
      const int why = errno;
      System::current().unlink(temporary_);  // nobody destroys what was never constructed
      throw system_error(why, "cannot give the file the permissions of the one it replaces", target_.string());
    }
    return;
  }
}

DurableFile::~DurableFile() {
  if (!temporary_.empty()) remove_leftover(temporary_);
}

void DurableFile::write_all(std::uint64_t offset, const void* data, std::size_t bytes) {
  if (!file_) throw std::logic_error("DurableFile: write after commit");
  if (System::current().pwrite(file_.get(), data, bytes, offset) == bytes) return;
  failed_ = true;
  throw system_error(errno, "cannot write the file", target_.string());
}

void DurableFile::write(const void* data, std::size_t bytes) {
  write_all(size_, data, bytes);
  size_ += bytes;
}

void DurableFile::write_at(std::uint64_t offset, const void* data, std::size_t bytes) {
  if (offset > size_ || bytes > size_ - offset) throw std::logic_error("DurableFile::write_at beyond what was written");
  write_all(offset, data, bytes);
}

void DurableFile::commit() {
  if (!file_) throw std::logic_error("DurableFile::commit called twice");
  if (failed_) throw std::logic_error("DurableFile::commit after a failed write");
  System& system = System::current();
  if (system.fsync(file_.get()) != 0) {
    failed_ = true;
    throw system_error(errno, "cannot flush the file to disk", target_.string());
  }
  if (system.close(file_.release()) != 0) throw system_error(errno, "cannot close the file", target_.string());
  std::error_code ignored;
  const bool replaces = fs::exists(target_, ignored);
  rename_over(temporary_, target_);
  temporary_.clear();
  try {
    sync_folder(parent_of(target_));
  } catch (const Error& error) {
    // A new file is taken back, so that whoever sees the error finds nothing; the one it replaced is gone.
    if (!replaces && system.unlink(target_) == 0) throw;
    throw in_place_all_the_same(error, "file", target_);
  }
}

DurableDirectory::DurableDirectory(fs::path target) : target_(std::move(target)) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "name/"
  require_absent(target_);
  for (int attempt = 0;; ++attempt) {
    temporary_ = temporary_name(target_, attempt);
    if (System::current().mkdir(temporary_) == 0) return;
    if (errno != EEXIST) throw system_error(errno, "cannot create the folder", target_.string());
  }
}

DurableDirectory::~DurableDirectory() {
  if (!committed_) remove_leftover(temporary_);
}

void DurableDirectory::commit() {
  if (committed_) throw std::logic_error("DurableDirectory::commit called twice");
  publish_folder(temporary_, target_);
  committed_ = true;
}

void require_absent(const fs::path& target) {
  std::error_code failure;
  if (!fs::exists(fs::symlink_status(target, failure))) return;
  throw Error(ExitCode::usage, "the folder to be written exists already", target.string(),
              "name another folder, or move this one away");
}

void publish_folder(const fs::path& made, const fs::path& target) {
  std::error_code failure, ignored;
  for (fs::recursive_directory_iterator entry(made, failure), end; !failure && entry != end; entry.increment(failure)) {
    if (entry->is_directory(ignored) && !entry->is_symlink(ignored)) sync_folder(entry->path());
  }
  if (failure) throw system_error(failure.value(), "cannot list the folder to flush it", made.string());
  sync_folder(made);
  if (fs::exists(fs::symlink_status(target, ignored))) {  // rename would silently replace an empty folder
    throw Error(ExitCode::usage, "the folder to be written has appeared meanwhile", target.string(),
                "is a second process writing to the same place?");
  }
  rename_over(made, target);
  try {
    sync_folder(parent_of(target));
  } catch (const Error& error) {
    // Taken back, so that whoever sees the error finds nothing and can do the same again.
    if (System::current().rename(target, made) == 0) throw;
    throw in_place_all_the_same(error, "folder", target);
  }
}

void remove_stale_temporaries(const fs::path& folder) {
  const std::string here = host_mark();
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end; entry.increment(failure)) {
    const std::optional<TemporaryOwner> owner = owner_of(entry->path().filename().string());
    if (!owner) continue;
    std::error_code ignored;
    bool stale;
    if (owner->host == here) {
      stale = ::kill(owner->process, 0) != 0 && errno == ESRCH;
    } else {
      const auto written = fs::last_write_time(entry->path(), ignored);
      stale =
          !ignored && System::current().wall() - fs::file_time_type::clock::to_sys(written) > std::chrono::hours(24);
    }
    if (stale) remove_leftover(entry->path());
  }
}

void write_file_durably(const fs::path& target, std::string_view contents) {
  DurableFile file(target);
  file.write(contents);
  file.commit();
}

std::string read_file(const fs::path& path, std::uint64_t limit) {
  return read_whole(open_regular_file(path), limit, path);
}

void make_folder(const fs::path& path) {
  std::error_code ignored;
  if (path.empty() || fs::is_directory(path, ignored)) return;
  System& system = System::current();
  if (system.mkdir(path) == 0) return;
  int why = errno;
  if (why == ENOENT && path.has_relative_path() && path.has_parent_path()) {
    make_folder(path.parent_path());
    if (system.mkdir(path) == 0) return;
    why = errno;
  }
  if (fs::is_directory(path, ignored)) return;  // somebody else has just made it
  throw system_error(why == EEXIST ? ENOTDIR : why, "cannot create the folder", path.string());
}

}  // namespace pathline
