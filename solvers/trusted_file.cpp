#include "solvers/trusted_file.h"

#include <cerrno>
#include <string_view>

#include <fmt/format.h>
#include <sys/stat.h>
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

bool is_trusted_owner(uid_t owner) {
  if (owner == 0 || owner == ::geteuid()) return true;
  struct stat program {};
  return ::stat("/proc/self/exe", &program) == 0 && owner == program.st_uid;
}

void check_who_may_write(const struct stat& status, const std::filesystem::path& path) {
  if (status.st_mode & S_IWOTH) {
    refuse("refused: everybody may write to this file, so anybody may have put code into it", path,
           fmt::format("if you know where it comes from: chmod o-w '{}'", path.string()));
  }
  if (!is_trusted_owner(status.st_uid)) {
    refuse(fmt::format("refused: it belongs to user {}, who is neither root, nor you, nor the owner of this program",
                       status.st_uid),
           path,
           fmt::format("if you trust it, use a copy of your own: cp '{}' . && chmod 755 './{}'", path.string(),
                       path.filename().string()));
  }
  const std::filesystem::path folder = path.parent_path();
  struct stat above {};
  if (::stat(folder.c_str(), &above) != 0) throw system_error(errno, "cannot look at the folder", folder.string());
  if ((above.st_mode & S_IWOTH) && !(above.st_mode & S_ISVTX)) {
    refuse("refused: everybody may write to its folder, so anybody may have put another file in its place", path,
           fmt::format("if you know where it comes from: chmod o-w '{}'", folder.string()));
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
  check_who_may_write(status, trusted.path);
  trusted.contents = read_all(descriptor, trusted.path);
  trusted.sha256 = sha256_hex(trusted.contents.data(), trusted.contents.size());
  trusted.device = status.st_dev;
  trusted.inode = status.st_ino;
  return trusted;
}

}  // namespace pathline::solvers
