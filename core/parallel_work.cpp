#include "core/parallel_work.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/cpu_count.h"

namespace pathline {

void work_in_parallel(std::uint64_t pieces, int threads, const std::function<void(std::uint64_t)>& work,
                      const std::function<void()>& watch) {
  const int wanted = threads > 0 ? threads : threads_per_process(usable_cpus());
  const auto count = static_cast<std::size_t>(std::clamp<std::uint64_t>(pieces, 1, static_cast<unsigned>(wanted)));
  std::mutex mutex;  // guards all below
  std::condition_variable ended;
  std::uint64_t next = 0, failed_piece = 0;
  std::size_t running = count;
  std::exception_ptr failure;

  const auto run = [&] {
    std::unique_lock lock(mutex);
    while (next < pieces && failure == nullptr) {
      const std::uint64_t piece = next++;
      lock.unlock();
      std::exception_ptr error;
      try {
        work(piece);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error != nullptr && (failure == nullptr || piece < failed_piece)) {
        failure = error;
        failed_piece = piece;
      }
    }
    --running;
    ended.notify_one();
  };
  std::vector<std::thread> workers;
  for (std::size_t i = 0; i < count; ++i) workers.emplace_back(run);
  {
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; })) {
      if (!watch) continue;
      lock.unlock();
      watch();
      lock.lock();
    }
  }
  for (std::thread& worker : workers) worker.join();
  if (failure != nullptr) std::rethrow_exception(failure);
  if (watch) watch();
}

}  // namespace pathline
