#include "trainer/parallel/nccl/dynamic_library.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>

#include "core/error.h"

namespace pathline::parallel {
namespace {

/// The folder that LibTorch was loaded from, or "".
std::string libtorch_folder() {
  std::string folder;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        const std::filesystem::path file(info->dlpi_name);
        if (file.filename() != "libtorch_cpu.so" && file.filename() != "libc10.so") return 0;
        *static_cast<std::string*>(result) = file.parent_path().string();
        return 1;
      },
      &folder);
  return folder;
}

}  // namespace

DynamicLibrary::DynamicLibrary(const std::string& what, const std::vector<std::string>& candidates,
                               const std::string& hint)
    : what_(what), hint_(hint) {
  std::string reasons;
  for (const std::string& candidate : candidates) {
    // NOW: a library that lacks something of its own shows here. LOCAL: its symbols reach nobody who did not ask.
    handle_ = ::dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle_ != nullptr) {
      const link_map* map = nullptr;
      path_ = ::dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : candidate;
      return;
    }
    const char* const reason = ::dlerror();
    reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", reason != nullptr ? reason : candidate);
  }
  throw Error(ExitCode::usage, fmt::format("{} cannot be loaded: {}", what_, reasons), "parallel.backend", hint_);
}

void* DynamicLibrary::address_of(const char* symbol) {
  void* const address = ::dlsym(handle_, symbol);
  if (address == nullptr) missing_.emplace_back(symbol);
  return address;
}

void DynamicLibrary::require_all() const {
  if (missing_.empty()) return;
  throw Error(ExitCode::usage, fmt::format("this {} lacks {}", what_, fmt::join(missing_, ", ")), path_, hint_);
}

std::vector<std::string> library_candidates(const char* variable, const std::string& library) {
  if (const char* const file = std::getenv(variable); file != nullptr && *file != '\0') return {file};
  std::vector<std::string> candidates = {library};
  const std::filesystem::path torch = libtorch_folder();
  if (torch.empty()) return candidates;
  candidates.push_back((torch / library).string());
  std::error_code error;
  // Wheels: …/site-packages/torch/lib, …/site-packages/nvidia/PACKAGE/lib.
  const std::filesystem::path packages = torch.parent_path().parent_path() / "nvidia";
  for (const auto& package : std::filesystem::directory_iterator(packages, error)) {
    const std::filesystem::path file = package.path() / "lib" / library;
    if (std::filesystem::exists(file, error)) candidates.push_back(file.string());
  }
  return candidates;
}

}  // namespace pathline::parallel
