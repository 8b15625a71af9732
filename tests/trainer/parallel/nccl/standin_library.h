#pragma once
// The stand-in NCCL (tests/standin/standin_nccl.h) for tests whose ranks are threads of this process: names it as the
// NCCL and CUDA runtime to load, sets its faults, reads its report, and makes streams on it that stand for computation.

#include <chrono>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <dlfcn.h>

#include "tests/trainer/parallel/thread_communicator.h"
#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/nccl/nccl_communicator.h"

namespace pathline::test {

class StandIn {
 public:
  explicit StandIn(const std::string& options = "") {
    const std::string path = std::string(PATHLINE_STANDIN_DIR) + "/libstandin_nccl.so";
    ::setenv("PATHLINE_NCCL_LIBRARY", path.c_str(), 1);
    ::setenv("PATHLINE_CUDART_LIBRARY", path.c_str(), 1);
    handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle_ == nullptr) throw std::runtime_error(::dlerror());
    function<void(const char*)>("standin_configure")(options.c_str());
  }
  ~StandIn() {
    function<void(const char*)>("standin_configure")("");
    ::unsetenv("PATHLINE_NCCL_LIBRARY");
    ::unsetenv("PATHLINE_CUDART_LIBRARY");
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  /// Calls, misuse, leaks.
  std::string report() const {
    std::string text(1 << 16, '\0');
    text.resize(function<std::size_t(char*, std::size_t)>("standin_report")(text.data(), text.size()));
    return text;
  }

  template <typename Signature>
  Signature* function(const char* name) const {
    return reinterpret_cast<Signature*>(::dlsym(handle_, name));
  }

 private:
  void* handle_ = nullptr;
};

/// A stream of the stand-in: host functions, one after the other, on its own thread.
class ComputeStream {
 public:
  explicit ComputeStream(const StandIn& standin) : standin_(standin) {
    constexpr unsigned non_blocking = 1;
    standin_.function<int(void**, unsigned, int)>("cudaStreamCreateWithPriority")(&stream_, non_blocking, 0);
  }
  ~ComputeStream() { standin_.function<int(void*)>("cudaStreamDestroy")(stream_); }
  ComputeStream(const ComputeStream&) = delete;
  ComputeStream& operator=(const ComputeStream&) = delete;
  void* get() const { return stream_; }

  /// Enqueues `work` on `stream`.
  static void launch(const StandIn& standin, void* stream, std::function<void()> work) {
    const auto run = [](void* data) {
      const std::unique_ptr<std::function<void()>> function(static_cast<std::function<void()>*>(data));
      (*function)();
    };
    standin.function<int(void*, void (*)(void*), void*)>("cudaLaunchHostFunc")(
        stream, run, new std::function<void()>(std::move(work)));
  }
  void launch(std::function<void()> work) const { launch(standin_, stream_, std::move(work)); }
  void wait() const {
    while (standin_.function<int(void*)>("cudaStreamQuery")(stream_) != 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

 private:
  const StandIn& standin_;
  void* stream_ = nullptr;
};

/// Runs `work` on every rank with its NCCL communicator.
inline void run_nccl_ranks(int ranks, double timeout, const std::function<void(parallel::Communicator&)>& work,
                           const std::function<parallel::DeviceHooks(int rank)>& hooks = {}) {
  run_ranks(ranks, [&](parallel::Communicator& control) {
    const auto communicator = parallel::make_nccl_communicator(control.duplicate("nccl"), timeout,
                                                               hooks ? hooks(control.rank()) : parallel::DeviceHooks{});
    work(*communicator);
  });
}

}  // namespace pathline::test
