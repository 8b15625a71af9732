#pragma once
// Reads a file that is about to be run as code, once, through one descriptor, after looking at who could have written
// it. What is checked, hashed and returned is therefore the same bytes; whoever loads the file by its path afterwards
// compares with a second reading (plugin_file.cpp).
//
// This protects against mistakes, not malice: code in this process cannot be held back, and whoever may write to the
// file may change it at any time. Thread-safety: safe.

#include <cstdint>
#include <filesystem>
#include <string>

namespace pathline::solvers {

struct TrustedFile {
  std::filesystem::path path;  ///< canonical
  std::string contents, sha256;
  std::uint64_t device = 0, inode = 0;
};

/// Error(file_system) if it cannot be read. Error(bad_input) for what is not a regular file, is larger than 1 GiB, may
/// be written by everybody, lies in a folder where everybody may replace it (writable by all, not sticky), or belongs
/// neither to root, nor to this user, nor to the owner of the program itself (who is trusted already). The hint is the
/// command to run.
TrustedFile read_trusted_file(const std::filesystem::path& file);

}  // namespace pathline::solvers
