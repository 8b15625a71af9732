#pragma once
// A shared library found at run time, and its functions. It stays loaded until the process ends: libraries such as CUDA
// and NCCL have threads of their own, which do not survive being unloaded. Thread-safety: of an object, none.

#include <string>
#include <vector>

namespace pathline::parallel {

class DynamicLibrary {
 public:
  /// Loads the first that loads of `candidates` (paths, or names for the loader's own search). `what` ("NCCL") and
  /// `hint` are for messages. Throws Error(usage) with every candidate and why it failed.
  DynamicLibrary(const std::string& what, const std::vector<std::string>& candidates, const std::string& hint);

  /// Where it was loaded from.
  const std::string& path() const noexcept { return path_; }

  /// function = the address of `symbol`; null, and remembered as missing, when the library has none.
  template <typename Function>
  void find(Function*& function, const char* symbol) {
    function = reinterpret_cast<Function*>(address_of(symbol));
  }
  /// Throws Error(usage) naming all symbols that were asked for in vain.
  void require_all() const;

 private:
  void* address_of(const char* symbol);

  std::string what_, hint_, path_;
  void* handle_ = nullptr;
  std::vector<std::string> missing_;
};

/// Where `library` may lie: the path in environment variable `variable` and nothing else if it is set; otherwise
/// the loader's own search (which includes this program's run path), then the folders of LibTorch and of the packages
/// beside it, if LibTorch is loaded.
std::vector<std::string> library_candidates(const char* variable, const std::string& library);

}  // namespace pathline::parallel
