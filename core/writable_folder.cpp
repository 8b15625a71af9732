#include "core/writable_folder.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/regular_file.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTrialBytes = 4096;  // a block: a full quota has room for a name, but not for this

fs::path nearest_existing_folder(fs::path path) {
  while (true) {
    if (path.empty()) path = ".";
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::is_directory(status)) return path;
    if (status.type() != fs::file_type::not_found) {
      throw system_error(fs::exists(status) || !error ? ENOTDIR : error.value(), "cannot write below this path",
                         path.string());
    }
    path = path.parent_path();
  }
}

}  // namespace

void require_writable(const fs::path& folder) {
  const fs::path existing = nearest_existing_folder(folder);
  try {
    const DurableDirectory trial(existing / "write-trial");
    write_file_durably(trial.path() / "block", std::string(kTrialBytes, '\0'));
  } catch (const Error& error) {  // it speaks of a folder that nobody has asked for
    throw Error(error.code(), "nothing can be written into this folder: " + error.message(), existing.string(),
                error.hint());
  }
}

void require_appendable(const fs::path& file) {
  std::error_code ignored;
  if (fs::status(file, ignored).type() == fs::file_type::not_found) return;
  require_regular_file(file);
  const FileDescriptor opened(open_retrying(file, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK));
  if (!opened && errno != ENOENT) throw system_error(errno, "cannot write to the file", file.string());
}

}  // namespace pathline
