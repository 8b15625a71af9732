#include "core/remove_tree.h"

#include <cerrno>
#include <exception>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include <dirent.h>
#include <fcntl.h>

#include "core/file_descriptor.h"
#include "core/log.h"
#include "core/system.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

std::string failure_at(const fs::path& path, int error) {
  return path.string() + ": " + std::generic_category().message(error);
}

/// The names in the open folder, without "." and "..". False with errno set on failure.
bool names_in(int folder, std::vector<std::string>& names) {
  // "." opened anew, for closedir closes what it was given.
  const int fd = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(fd), &::closedir);
  if (!listing) {
    ::close(fd);
    return false;
  }
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(listing.get());
    if (entry == nullptr) return errno == 0;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
}

/// Removes `name` inside the open folder `parent` (or AT_FDCWD); `path` is for the message.
std::string remove_at(int parent, const char* name, const fs::path& path) {
  System& system = System::current();
  if (system.unlink_at(parent, name, 0) == 0 || errno == ENOENT) return "";
  const int why = errno;
  if (why != EISDIR && why != EPERM) return failure_at(path, why);  // POSIX says EPERM for a folder, Linux EISDIR

  const FileDescriptor folder(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return failure_at(path, errno == ENOTDIR || errno == ELOOP ? why : errno);
  std::vector<std::string> names;
  if (!names_in(folder.get(), names)) return failure_at(path, errno);
  std::string failure;
  for (const std::string& inner : names) {
    const std::string next = remove_at(folder.get(), inner.c_str(), path / inner);
    if (failure.empty()) failure = next;
  }
  if (!failure.empty()) return failure;
  if (system.unlink_at(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return "";
  return failure_at(path, errno);
}

}  // namespace

std::string remove_tree(const fs::path& path) {
  return remove_at(AT_FDCWD, path.c_str(), path);
}

void remove_leftover(const fs::path& path) noexcept {
  try {
    const std::string failure = remove_tree(path);
    if (!failure.empty()) log_warning("a leftover could not be removed: " + failure);
  } catch (const std::exception&) {  // no memory for the names: the leftover stays
  }
}

}  // namespace pathline
