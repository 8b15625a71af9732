#pragma once
// The bytes of a file in memory that nobody can change any more (memfd_create(2), sealed), under a path that dlopen
// takes: what is loaded from there are these very bytes, whatever happens to the file meanwhile.
//
// Ownership: the object owns the memory, which goes with its last mapping and its descriptor. While it is mapped by the
// dynamic loader the descriptor must stay open, so that no other file gets the same path. Thread-safety: immutable.

#include <memory>
#include <string>

#include "core/file_descriptor.h"

namespace pathline::solvers {

class SealedCopy {
 public:
  /// Nothing where the system gives no such memory, or lets no code run from it. `name` is shown in /proc/PID/maps.
  static std::shared_ptr<const SealedCopy> of(const std::string& bytes, const std::string& name);

  int descriptor() const noexcept { return file_.get(); }
  /// "/proc/PID/fd/N": good in this process, and in a debugger beside it while it runs.
  std::string path() const;

 private:
  explicit SealedCopy(FileDescriptor file) : file_(std::move(file)) {}

  FileDescriptor file_;
};

}  // namespace pathline::solvers
