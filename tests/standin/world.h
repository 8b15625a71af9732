#pragma once
// What the whole stand-in shares: its options (standin_nccl.h lists them), the record of calls, of misuse and of what
// is alive, whether the device is broken.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#define EXPORTED __attribute__((visibility("default")))

namespace standin {

class World {
 public:
  World();
  /// Into the folder of the option "report", if there is one.
  void write_report();
  /// Forgets everything and takes these options.
  void configure(const std::string& options);

  /// "" if it is not set for this rank. rank -1: a caller that belongs to no communicator; then mpirun's number.
  std::string text(const std::string& name, int rank);
  std::uint64_t number(const std::string& name, int rank, std::uint64_t otherwise);

  /// Records a call; the code that it is to fail with, or 0.
  int call(const std::string& function, const void* comm = nullptr, int rank = -1, const std::string& detail = "");
  void misuse(const std::string& what);
  /// So many more (or fewer) of this kind are alive.
  void count(const std::string& kind, int change);
  std::string report();

  std::chrono::microseconds random_delay();

  std::atomic<bool> device_broken{false};

 private:
  struct Option {
    std::string value;
    int rank;
  };
  std::mutex mutex_;
  std::map<std::string, Option> options_;
  std::vector<std::string> calls_, misuse_;
  std::map<std::pair<std::string, const void*>, std::uint64_t> counts_;
  std::map<std::string, int> live_;
  std::mt19937_64 random_{7};
};

/// Never destroyed: threads of streams may outlive main().
World& world();

}  // namespace standin
