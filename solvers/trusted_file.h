#pragma once
// Reads a file that is about to be run as code, once, through one descriptor, after looking at who could have written
// it or put another in its place: its owner and group, and those of every folder above it. What is checked, hashed and
// returned is therefore the same bytes.
//
// Trusted are root, this user, and whoever could have replaced this very program: the owners of its file and of the
// folders above it, and the groups that may write there. A group that a user has for himself alone counts as the user.
//
// This protects against mistakes, not malice: code in this process cannot be held back. Thread-safety: safe.

#include <cstdint>
#include <filesystem>
#include <string>

namespace pathline::solvers {

struct TrustedFile {
  std::filesystem::path path;  ///< canonical
  std::string contents, sha256;
  std::uint64_t device = 0, inode = 0;
};

/// Error(file_system) if it cannot be read. Error(bad_input) for what is not a regular file, is larger than 1 GiB, lies
/// on a file system from which no code may run (mounted noexec), belongs to somebody who is not trusted or may be
/// written by everybody or by a group (or an access list) that is not; or if that holds for a folder above it, where
/// others could put another file in its place. A folder that everybody may write to but is sticky (/tmp) is no such
/// folder, nor is one that this program lies in. The hint is the command to run.
TrustedFile read_trusted_file(const std::filesystem::path& file);

}  // namespace pathline::solvers
