#include "solvers/sealed_copy.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace pathline::solvers {
namespace {

// Linux 6.3; older headers lack them, older kernels refuse them.
constexpr unsigned memory_noexec = 0x0008U, memory_exec = 0x0010U;

FileDescriptor make_memory(const std::string& name) {
  // The loader maps, and needs no right to execute the file itself; but where vm.memfd_noexec has a say it is asked.
  for (const unsigned kind : {memory_exec, memory_noexec, 0U}) {
    const int file = ::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | kind);
    if (file >= 0) return FileDescriptor(file);
    if (errno != EINVAL && errno != EACCES) break;
  }
  return {};
}

bool write_all(const FileDescriptor& file, const std::string& bytes) {
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t now = ::write(file.get(), bytes.data() + written, bytes.size() - written);
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) return false;
    written += static_cast<std::size_t>(now);
  }
  return true;
}

bool code_may_run_from(const FileDescriptor& file) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const mapped = ::mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0);
  if (mapped == MAP_FAILED) return false;
  ::munmap(mapped, page);
  return true;
}

}  // namespace

std::shared_ptr<const SealedCopy> SealedCopy::of(const std::string& bytes, const std::string& name) {
  FileDescriptor file = make_memory(name.substr(0, 200));
  if (!file || !write_all(file, bytes) || !code_may_run_from(file)) return nullptr;
  constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(file.get(), F_ADD_SEALS, seals) != 0) return nullptr;
  return std::shared_ptr<const SealedCopy>(new SealedCopy(std::move(file)));
}

std::string SealedCopy::path() const {
  return fmt::format("/proc/{}/fd/{}", ::getpid(), file_.get());
}

}  // namespace pathline::solvers
