#include "data/sources/file_fingerprint.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/error.h"

namespace pathline::data {

std::string file_fingerprint(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw system_error(errno, "cannot look at this file", path.string());
  return fmt::format("{} bytes of {}.{:09}", static_cast<std::int64_t>(status.st_size), status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec);
}

}  // namespace pathline::data
