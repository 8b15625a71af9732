#pragma once
// A timeline of what a process does, as Chrome trace events (docs/formats/trace.md): opens in ui.perfetto.dev and
// chrome://tracing. One file per process; spans come from any thread and are kept in memory until write().
//
// Hand it on as a pointer: null means that nothing is traced, and a TraceSpan then costs one comparison. Ownership:
// owns its spans; names of spans, categories and arguments must be literals (kept as pointers). Thread-safe, but for
// the destructor. Errors: Error(file_system) from write().

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace pathline {

/// A number shown with a span: {"bytes", 4096}.
struct TraceArgument {
  const char* name = nullptr;
  double value = 0;
};

class TraceWriter {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMostEvents = 200'000;  ///< by default; some 20 MB of memory, 30 MB of file
  static constexpr std::size_t kMostArguments = 3;     ///< per span; further ones are left out

  /// `process`: a number that tells the files of one job apart (the rank); `process_name`: how it is shown.
  /// Later spans than the first `max_events` are counted and left out.
  TraceWriter(std::filesystem::path file, int process, std::string process_name, std::size_t max_events = kMostEvents);
  /// Writes what write() has not; a failure is a warning.
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Names the calling thread from here on. A thread without a name is shown by number.
  void name_thread(std::string name);
  /// A span of the calling thread. Spans of one thread must nest.
  void add(const char* name, const char* category, Clock::time_point begin, Clock::time_point end,
           std::span<const TraceArgument> arguments = {}) noexcept;
  /// Writes the file durably, unless nothing was recorded; spans that end later are left out. At most once.
  void write();

 private:
  struct Event {
    const char *name, *category;
    std::int64_t begin, duration;  // nanoseconds
    std::size_t thread;
    std::array<TraceArgument, kMostArguments> arguments;
  };
  struct Thread {
    std::thread::id id;
    std::string name;
  };

  std::size_t thread_number(std::thread::id id);  // REQUIRES: mutex_ held

  const std::filesystem::path file_;
  const int process_;
  const std::string process_name_;
  const std::size_t max_events_;
  std::atomic<bool> open_{true};
  std::mutex mutex_;  // guards all below
  std::deque<Event> events_;
  std::vector<Thread> threads_;
  std::uint64_t dropped_ = 0;
};

/// Records the time from its construction to its end as a span. Thread-safety: one thread.
class TraceSpan {
 public:
  /// `trace` null: does nothing.
  TraceSpan(TraceWriter* trace, const char* name, const char* category)
      : trace_(trace), name_(name), category_(category) {
    if (trace_ != nullptr) begin_ = TraceWriter::Clock::now();
  }
  ~TraceSpan() { end(); }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

  void argument(const char* name, double value) noexcept {
    if (trace_ != nullptr && used_ < arguments_.size()) arguments_[used_++] = {name, value};
  }
  /// Ends it before its scope does; spans of one thread end in the opposite order of their beginning.
  void end() noexcept {
    if (trace_ == nullptr) return;
    trace_->add(name_, category_, begin_, TraceWriter::Clock::now(), std::span(arguments_).first(used_));
    trace_ = nullptr;
  }

 private:
  TraceWriter* trace_;
  const char *name_, *category_;
  TraceWriter::Clock::time_point begin_;
  std::array<TraceArgument, TraceWriter::kMostArguments> arguments_;
  std::size_t used_ = 0;
};

}  // namespace pathline
