#pragma once
// Opening what others have put in place. A named pipe where a file was expected would make open() wait for ever, deaf
// to a request to stop; a device or a socket would give bytes that are no file's. So whatever the program reads or
// appends to is opened here, without waiting, and must be a regular file. Where a library opens a path by itself, the
// path is looked at first.
//
// Errors: Error(bad_input) that says what was found ("expected a regular file, found a FIFO"), Error(file_system) for
// what cannot be opened at all. Thread-safety: no state.

#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include "core/file_descriptor.h"

namespace pathline {

struct RegularFile {
  FileDescriptor fd;
  std::uint64_t bytes = 0;  ///< as of its opening
};

/// "a regular file", "a folder", "a FIFO", "a socket", "a character device", "a block device".
std::string file_kind(mode_t mode);

/// Opens a regular file for reading. `what` names it where it cannot be opened: "cannot open the shard: …".
RegularFile open_regular_file(const std::filesystem::path& path, const std::string& what = "the file");
/// The same for a log that is appended to, and made (0666 and the umask) if it is not there.
FileDescriptor open_regular_file_to_append(const std::filesystem::path& path, const std::string& what = "the file");
/// Throws what open_regular_file() would.
void require_regular_file(const std::filesystem::path& path, const std::string& what = "the file");

/// The whole of a regular file. Error(bad_input) if it is larger than `limit` bytes. (core/durable_file.h has
/// read_file().)
std::string read_whole(const RegularFile& file, std::uint64_t limit, const std::filesystem::path& path);

/// What a person names on the command line to be read once, front to back: a regular file, or what a shell hands over
/// in place of one (/dev/stdin, /dev/fd/N of a process substitution, /dev/null, a terminal). A named pipe elsewhere is
/// refused as above. The descriptor waits for its data.
FileDescriptor open_input(const std::filesystem::path& path, const std::string& what = "the file");
/// All of it, at most `limit` bytes. A request to stop (core/stop_signal.h) ends the wait for a slow writer with
/// Error(stopped).
std::string read_input(const std::filesystem::path& path, std::uint64_t limit, const std::string& what = "the file");

}  // namespace pathline
