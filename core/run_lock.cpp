#include "core/run_lock.h"

#include <cerrno>

#include <sys/file.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/retry.h"

namespace pathline {

RunLock::RunLock(const std::filesystem::path& folder, const std::string& activity) {
  make_folder(folder);
  const std::filesystem::path path = folder / ".lock";
  file_ = FileDescriptor(open_retrying(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file_) throw system_error(errno, "cannot write to the folder", path.string());
  if (retrying([&] { return ::flock(file_.get(), LOCK_EX | LOCK_NB); }) != 0 && errno == EWOULDBLOCK) {
    throw Error(ExitCode::usage, "another process is " + activity + " into this folder", folder.string(),
                "wait for it to end, or choose another folder");
  }
}

}  // namespace pathline
