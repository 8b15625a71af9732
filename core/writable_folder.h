#pragma once
// Whether files can be written where they are going to be, found out by writing one: rights, mounts, quotas and full
// disks have no other honest test. Done at the start of long work, so that it does not end with the first result.
// Thread-safety: no state.

#include <filesystem>

namespace pathline {

/// Makes a hidden folder with a small file in it below `folder`, flushes both to disk and removes them. Where `folder`
/// does not exist, the nearest folder above it that does is tried. Leaves nothing behind. Throws Error(file_system).
void require_writable(const std::filesystem::path& folder);

/// If `file` exists: opens it for appending, and leaves it as it is. Throws Error(file_system), or Error(bad_input) for
/// what is no regular file.
void require_appendable(const std::filesystem::path& file);

}  // namespace pathline
