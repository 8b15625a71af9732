#pragma once
// Programs of ours that do what may crash or hang, beside the one that users start: where they lie, and how they are
// kept harmless. core/child_process.h starts and watches them. Thread-safety: no state.

#include <cstdint>
#include <filesystem>
#include <string>

namespace pathline {

/// PREFIX/libexec/pathline/NAME, where this program is PREFIX/bin/pathline: as trusted as the program itself.
std::filesystem::path helper_program(const std::string& name);

/// For the helper, before anything else: it leaves no core file, and gets at most so many bytes of address space (not
/// in builds with sanitizers, which reserve terabytes).
void limit_helper(std::uint64_t memory_bytes);

}  // namespace pathline
