#include "core/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace pathline {
namespace {

std::string joined(const std::string& message, const std::string& place, const std::string& hint) {
  std::string text;
  if (!place.empty()) text += place + ": ";
  text += message;
  if (!hint.empty()) text += "\n  hint: " + hint;
  return text;
}

const char* hint_for(int errno_value) {
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
    case ENFILE:
      return "too many files are open (see `ulimit -n`)";
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
  std::string result = "'";
  for (const char c : text.substr(0, kLongest)) {
    result += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  }
  return result + (text.size() > kLongest ? "...'" : "'");
}

Error system_error(int errno_value, const std::string& message, const std::string& place) {
  // generic_category().message() is a strerror that is safe in threads.
  return {ExitCode::file_system, message + ": " + std::generic_category().message(errno_value), place,
          hint_for(errno_value)};
}

}  // namespace pathline
