#include "trainer/log/append_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/regular_file.h"
#include "core/system.h"

namespace pathline {

AppendFile::AppendFile(std::filesystem::path path)
    : path_(std::move(path)), file_(open_regular_file_to_append(path_, "the log for writing")) {}

void AppendFile::append(std::string_view record) {
  System& system = System::current();
  const std::size_t written = system.write(file_.get(), record.data(), record.size());
  if (written == record.size()) return;
  const int why = errno;
  if (written > 0) {
    // The piece is taken back, unless somebody else has appended to it.
    struct stat status {};
    const off_t end = ::lseek(file_.get(), 0, SEEK_CUR);
    if (::fstat(file_.get(), &status) == 0 && status.st_size == end) {
      system.truncate(file_.get(),
                      static_cast<std::uint64_t>(end) - written);  // in vain: readers cope with a cut record
    }
  }
  throw system_error(why, "cannot write to the log", path_.string());
}

}  // namespace pathline
