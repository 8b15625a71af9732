#include "core/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/resource.h>

#include "core/plain_text.h"

namespace pathline {
namespace {

std::string joined(const std::string& message, const std::string& place, const std::string& hint) {
  std::string text;
  if (!place.empty()) text += plain_line(place) + ": ";
  text += message;
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

std::string open_files_hint() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return "raise the limit of open files (see `ulimit -n`)";
  return "this process may have " + std::to_string(limit.rlim_cur) +
         " files open at a time: raise the limit with `ulimit -n`, or have it raised";
}

std::string hint_for(int errno_value) {
  switch (errno_value) {
    case ENOSPC:
      return "free some space or choose a folder on another file system";
    case EDQUOT:
      return "your quota on this file system is used up: delete files or choose another folder";
    case EFBIG:
      return "the file would pass the size limit of the file system or of this process (see `ulimit -f`)";
    case EROFS:
      return "this file system is mounted read-only: choose another folder";
    case EACCES:
    case EPERM:
      return "check owner and permissions of the path and of the folders above it (`namei -l PATH`)";
    case ENOENT:
      return "check the spelling of the path; the folder must exist";
    case ENOTDIR:
      return "a part of the path is a file, not a folder";
    case EISDIR:
      return "this is a folder: name a file";
    case ENAMETOOLONG:
      return "choose a shorter name";
    case EMFILE:
      return open_files_hint();
    case ENFILE:
      return "the system as a whole has too many files open: wait for other programs to end, or raise fs.file-max";
    case ESTALE:
      return "the network file system dropped this file: try again";
    case EIO:
      return "the device reported an input/output error: check the system log before trusting it with more data";
    default:
      return "";
  }
}

}  // namespace

Error::Error(ExitCode code, const std::string& message, std::string place, std::string hint)
    : std::runtime_error(joined(message, place, hint)),
      code_(code),
      message_(message),
      place_(std::move(place)),
      hint_(std::move(hint)) {}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  const bool is_long = text.size() > kLongest;
  if (is_long) {
    std::size_t end = kLongest;
    while (end > kLongest - 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
      --end;  // not inside a character
    text = text.substr(0, end);
  }
  return "'" + plain_line(text) + (is_long ? "...'" : "'");
}

Error system_error(int errno_value, const std::string& message, const std::string& place) {
  // generic_category().message() is a strerror that is safe in threads.
  return {ExitCode::file_system, message + ": " + std::generic_category().message(errno_value), place,
          hint_for(errno_value)};
}

}  // namespace pathline
