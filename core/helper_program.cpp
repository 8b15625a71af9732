#include "core/helper_program.h"

#include <sys/resource.h>

namespace pathline {

std::filesystem::path helper_program(const std::string& name) {
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  return (self.parent_path().parent_path() / PATHLINE_HELPER_SUBFOLDER / name).lexically_normal();
}

void limit_helper([[maybe_unused]] std::uint64_t memory_bytes) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
#if !defined(PATHLINE_SANITIZED)
  const rlimit memory{memory_bytes, memory_bytes};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
}

}  // namespace pathline
