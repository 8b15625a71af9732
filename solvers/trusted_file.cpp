#include "solvers/trusted_file.h"

#include <cerrno>
#include <cstring>
#include <set>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/hash.h"

namespace pathline::solvers {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 30;

[[noreturn]] void refuse(const std::string& why, const std::filesystem::path& file, const std::string& hint) {
  throw Error(ExitCode::bad_input, why, file.string(), hint);
}

/// Who is trusted, see the header.
class Trusted {
 public:
  Trusted() : users_{0, ::geteuid()}, groups_{0} {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error) add(program);
    for (std::filesystem::path folder = program.parent_path(); !error; folder = folder.parent_path()) {
      add(folder);
      program_folders_.insert(folder);
      if (folder == folder.parent_path()) break;
    }
  }

  bool user(uid_t id) const { return users_.contains(id); }
  /// Whether all who may write because of the group's rights are trusted.
  bool writing_group(const struct stat& status, const std::filesystem::path& path) const {
    if (groups_.contains(status.st_gid)) return true;
    // With an access list, the group's rights are the most that anybody on the list has.
    if (::getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0) return false;
    return user(status.st_uid) && is_private(status.st_gid, status.st_uid);
  }
  bool has_program(const std::filesystem::path& folder) const { return program_folders_.contains(folder); }

 private:
  void add(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return;
    users_.insert(status.st_uid);
    if ((status.st_mode & S_IWGRP) && !(status.st_mode & S_ISVTX)) groups_.insert(status.st_gid);
  }

  /// Whether it is the group that a user has for himself alone.
  static bool is_private(gid_t group, uid_t user) {
    char user_buffer[4096], group_buffer[4096];
    passwd user_entry{}, *found_user = nullptr;
    ::getpwuid_r(user, &user_entry, user_buffer, sizeof user_buffer, &found_user);
    // A user without an entry, as in many containers, has no companions in an entry either.
    if (!found_user) return user == ::geteuid() && group == ::getegid();
    struct group group_entry {};
    struct group* found_group = nullptr;
    ::getgrgid_r(group, &group_entry, group_buffer, sizeof group_buffer, &found_group);
    if (!found_group || group != found_user->pw_gid) return false;
    if (std::strcmp(found_group->gr_name, found_user->pw_name) != 0) return false;
    for (char** member = found_group->gr_mem; *member; ++member) {
      if (std::strcmp(*member, found_user->pw_name) != 0) return false;
    }
    return true;
  }

  std::set<uid_t> users_;
  std::set<gid_t> groups_;
  std::set<std::filesystem::path> program_folders_;
};

std::string own_copy(const std::filesystem::path& file) {
  return fmt::format("if you trust it, use a copy of your own: cp '{}' ~/ && chmod 755 ~/'{}'", file.string(),
                     file.filename().string());
}

/// The command that takes the rights away, where this user may give it.
std::string without_rights(char whose, const std::filesystem::path& what, const struct stat& status,
                           const std::filesystem::path& file) {
  if (::geteuid() != 0 && status.st_uid != ::geteuid()) return own_copy(file);
  return fmt::format("if you know where it comes from: chmod {}-w '{}'", whose, what.string());
}

void check_file(const Trusted& trusted, const struct stat& status, const std::filesystem::path& file) {
  if (status.st_mode & S_IWOTH) {
    refuse("refused: everybody may write to this file, so anybody may have put code into it", file,
           without_rights('o', file, status, file));
  }
  if (!trusted.user(status.st_uid)) {
    refuse(fmt::format("refused: it belongs to user {}, who is neither root, nor you, nor the owner of this program",
                       status.st_uid),
           file, own_copy(file));
  }
  if ((status.st_mode & S_IWGRP) && !trusted.writing_group(status, file)) {
    refuse(fmt::format("refused: group {}, or an access list, lets others write to this file", status.st_gid), file,
           without_rights('g', file, status, file));
  }
}

void check_folder(const Trusted& trusted, const std::filesystem::path& folder, const std::filesystem::path& file) {
  const bool nearest = folder == file.parent_path();
  if (!nearest && trusted.has_program(folder)) return;
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) throw system_error(errno, "cannot look at the folder", folder.string());
  const std::string which = nearest ? "its folder" : fmt::format("the folder {} above it", folder.string());
  const char* const consequence = "so that another file may have been put in its place";
  if (!trusted.user(status.st_uid)) {
    refuse(fmt::format("refused: {} belongs to user {}, {}", which, status.st_uid, consequence), file, own_copy(file));
  }
  if (status.st_mode & S_ISVTX) return;  // only the owner of an entry can replace it
  if (status.st_mode & S_IWOTH) {
    refuse(fmt::format("refused: everybody may write to {}, {}", which, consequence), file,
           without_rights('o', folder, status, file));
  }
  if ((status.st_mode & S_IWGRP) && !trusted.writing_group(status, folder)) {
    refuse(fmt::format("refused: group {}, or an access list, lets others write to {}, {}", status.st_gid, which,
                       consequence),
           file, without_rights('g', folder, status, file));
  }
}

void check_who_may_write(const struct stat& status, const std::filesystem::path& file) {
  const Trusted trusted;
  check_file(trusted, status, file);
  for (std::filesystem::path folder = file.parent_path();; folder = folder.parent_path()) {
    check_folder(trusted, folder, file);
    if (folder == folder.parent_path()) return;
  }
}

std::string read_all(const FileDescriptor& file, const std::filesystem::path& path) {
  std::string contents;
  char buffer[1 << 16];
  while (const std::size_t got = read_some(file.get(), buffer, sizeof buffer, path)) {
    contents.append(buffer, got);
    if (contents.size() > largest_file) {
      refuse(fmt::format("larger than {} bytes", largest_file), path, "this is not a solver plugin");
    }
  }
  return contents;
}

}  // namespace

TrustedFile read_trusted_file(const std::filesystem::path& file) {
  // NONBLOCK: opening a pipe must not wait for a writer.
  const FileDescriptor descriptor(open_retrying(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor) throw system_error(errno, "cannot open the solver plugin", file.string());
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) throw system_error(errno, "cannot look at the file", file.string());
  if (!S_ISREG(status.st_mode)) refuse("not a file", file, "name the plugin's shared object (.so)");

  TrustedFile trusted;
  trusted.path = std::filesystem::canonical(file);
  struct stat at_path {};
  if (::stat(trusted.path.c_str(), &at_path) != 0 || at_path.st_dev != status.st_dev ||
      at_path.st_ino != status.st_ino) {
    refuse("another file was put in its place just now", file,
           "run the command again when whatever writes it has finished");
  }
  check_who_may_write(status, trusted.path);
  struct statvfs mount {};
  if (::fstatvfs(descriptor.get(), &mount) == 0 && (mount.f_flag & ST_NOEXEC)) {
    refuse("refused: no code may run from this file system (it is mounted noexec)", file, own_copy(trusted.path));
  }
  trusted.contents = read_all(descriptor, trusted.path);
  trusted.sha256 = sha256_hex(trusted.contents.data(), trusted.contents.size());
  trusted.device = status.st_dev;
  trusted.inode = status.st_ino;
  return trusted;
}

}  // namespace pathline::solvers
