#include "trainer/log/append_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"

namespace pathline {

AppendFile::AppendFile(std::filesystem::path path)
    : path_(std::move(path)), file_(open_retrying(path_, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (!file_) throw system_error(errno, "cannot open the log for writing", path_.string());
}

void AppendFile::append(std::string_view record) {
  while (!record.empty()) {
    const ssize_t written = ::write(file_.get(), record.data(), record.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw system_error(written < 0 ? errno : ENOSPC, "cannot write to the log", path_.string());
    record.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace pathline
