#pragma once
// How the ranks of the stand-in NCCL exchange bytes: memory shared between processes of one machine (or threads of one
// process) that exists as long as somebody has it open, so nothing is left behind by a job that was killed. Every wait
// looks at `cancelled` and throws Cancelled. Thread-safety: one thread per rank at a time.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace standin {

struct Cancelled {};

constexpr int kMaxRanks = 16;
constexpr std::size_t kChunk = 1 << 18;

struct SharedMemory {
  std::atomic<int> attached;
  struct Progress {
    std::atomic<std::uint64_t> written, read;
  } progress[kMaxRanks];
  char data[kMaxRanks][kChunk];
};

/// The memory, made by one rank and found by the others through this process and file number.
class SharedExchange {
 public:
  /// "PID FD", of new memory. The file stays open until forget().
  static std::string create() {
    const int file = ::memfd_create("standin-nccl", MFD_CLOEXEC);
    if (file < 0 || ::ftruncate(file, sizeof(SharedMemory)) != 0) throw std::runtime_error("memfd_create failed");
    return std::to_string(::getpid()) + " " + std::to_string(file);
  }
  static void forget(const std::string& place) {
    int process = 0, file = 0;
    if (std::sscanf(place.c_str(), "%d %d", &process, &file) == 2 && process == ::getpid()) ::close(file);
  }

  SharedExchange(const std::string& place, int rank, int size) : rank_(rank), size_(size) {
    int process = 0, file = 0;
    std::sscanf(place.c_str(), "%d %d", &process, &file);
    const std::string path = "/proc/" + std::to_string(process) + "/fd/" + std::to_string(file);
    const int mine = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    void* const at =
        mine < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(SharedMemory), PROT_READ | PROT_WRITE, MAP_SHARED, mine, 0);
    if (mine >= 0) ::close(mine);
    if (at == MAP_FAILED) throw std::runtime_error("cannot open the shared memory of rank 0");
    memory_ = static_cast<SharedMemory*>(at);
  }
  ~SharedExchange() { ::munmap(memory_, sizeof(SharedMemory)); }
  SharedExchange(const SharedExchange&) = delete;
  SharedExchange& operator=(const SharedExchange&) = delete;

  void attach_and_wait_for_all(const std::atomic<bool>& cancelled) {
    memory_->attached.fetch_add(1);
    wait(cancelled, [this] { return memory_->attached.load() == size_; });
  }

  /// Every rank's bytes, one rank's behind the other's. All ranks give the same number.
  std::vector<char> gather(const void* mine, std::size_t bytes, const std::atomic<bool>& cancelled) {
    std::vector<char> all(bytes * static_cast<std::size_t>(size_));
    for (std::size_t at = 0; at < bytes; at += kChunk) {
      const std::size_t count = std::min(kChunk, bytes - at);
      wait(cancelled, [this] { return all_at(&SharedMemory::Progress::read, chunks_); });
      std::memcpy(memory_->data[rank_], static_cast<const char*>(mine) + at, count);
      memory_->progress[rank_].written.store(++chunks_);
      wait(cancelled, [this] { return all_at(&SharedMemory::Progress::written, chunks_); });
      for (int peer = 0; peer < size_; ++peer) {
        std::memcpy(all.data() + static_cast<std::size_t>(peer) * bytes + at, memory_->data[peer], count);
      }
      memory_->progress[rank_].read.store(chunks_);
    }
    return all;
  }

 private:
  bool all_at(std::atomic<std::uint64_t> SharedMemory::Progress::*what, std::uint64_t number) const {
    for (int peer = 0; peer < size_; ++peer) {
      if ((memory_->progress[peer].*what).load() < number) return false;
    }
    return true;
  }
  template <typename Condition>
  static void wait(const std::atomic<bool>& cancelled, Condition&& condition) {
    for (int round = 0; !condition(); ++round) {
      if (cancelled.load()) throw Cancelled{};
      if (round < 100) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }

  const int rank_, size_;
  SharedMemory* memory_ = nullptr;
  std::uint64_t chunks_ = 0;
};

}  // namespace standin
