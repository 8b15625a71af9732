#include "core/trace.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/log.h"

namespace pathline {
namespace {

constexpr std::size_t kFlushAt = std::size_t{1} << 20;

std::int64_t nanoseconds(TraceWriter::Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The format counts in microseconds, with a fraction.
std::string microseconds(std::int64_t nanoseconds) {
  return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
}

/// A name of a process or a thread.
std::string name_event(const char* what, int process, std::size_t thread, const std::string& name) {
  return fmt::format(R"({{"name":"{}","ph":"M","pid":{},"tid":{},"args":{{"name":{}}}}})", what, process, thread,
                     json_text(name));
}

}  // namespace

TraceWriter::TraceWriter(std::filesystem::path file, int process, std::string process_name, std::size_t max_events)
    : file_(std::move(file)), process_(process), process_name_(std::move(process_name)), max_events_(max_events) {}

TraceWriter::~TraceWriter() {
  try {
    write();
  } catch (const Error& error) {
    log_warning(std::string("no trace: ") + error.what());
  }
}

std::size_t TraceWriter::thread_number(std::thread::id id) {
  // From the end: the system may give the id of a thread that has ended to a new one.
  for (std::size_t i = threads_.size(); i > 0; --i) {
    if (threads_[i - 1].id == id) return i - 1;
  }
  threads_.push_back({id, ""});
  return threads_.size() - 1;
}

void TraceWriter::name_thread(std::string name) {
  const std::thread::id id = std::this_thread::get_id();
  const std::lock_guard lock(mutex_);
  const std::size_t number = thread_number(id);
  if (threads_[number].name.empty()) {
    threads_[number].name = std::move(name);
  } else if (threads_[number].name != name) {
    threads_.push_back({id, std::move(name)});
  }
}

void TraceWriter::add(const char* name, const char* category, Clock::time_point begin, Clock::time_point end,
                      std::span<const TraceArgument> arguments) noexcept {
  if (!open_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  if (events_.size() >= max_events_) {
    ++dropped_;
    return;
  }
  try {
    Event event{name,
                category,
                nanoseconds(begin.time_since_epoch()),
                nanoseconds(end - begin),
                thread_number(std::this_thread::get_id()),
                {}};
    std::copy_n(arguments.begin(), std::min(arguments.size(), kMostArguments), event.arguments.begin());
    events_.push_back(event);
  } catch (const std::bad_alloc&) {  // a trace must not end what it watches
    ++dropped_;
  }
}

void TraceWriter::write() {
  open_ = false;
  std::deque<Event> events;
  std::vector<Thread> threads;
  std::uint64_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    events.swap(events_);
    threads.swap(threads_);
    dropped = dropped_;
  }
  if (events.empty()) return;
  if (dropped > 0) {
    log_warning(fmt::format("{}: holds the first {} spans; {} later ones were left out", file_.string(), events.size(),
                            dropped));
  }

  DurableFile file(file_);
  std::string text = fmt::format(R"({{"displayTimeUnit":"ms","otherData":{{"spans":{},"dropped_spans":{}}},)"
                                 "\"traceEvents\":[\n{}",
                                 events.size(), dropped, name_event("process_name", process_, 0, process_name_));
  for (std::size_t i = 0; i < threads.size(); ++i) {
    const std::string name = threads[i].name.empty() ? fmt::format("thread {}", i) : threads[i].name;
    text += ",\n" + name_event("thread_name", process_, i, name);
  }
  for (const Event& event : events) {
    text += fmt::format(",\n{{\"name\":{},\"cat\":{},\"ph\":\"X\",\"ts\":{},\"dur\":{},\"pid\":{},\"tid\":{}",
                        json_text(event.name), json_text(event.category), microseconds(event.begin),
                        microseconds(event.duration), process_, event.thread);
    const char* before = ",\"args\":{";
    for (const TraceArgument& argument : event.arguments) {
      if (argument.name == nullptr) break;
      text += before + json_text(argument.name) + ":";
      text += std::isfinite(argument.value) ? fmt::format("{}", argument.value) : std::string("null");
      before = ",";
    }
    text += event.arguments[0].name != nullptr ? "}}" : "}";
    if (text.size() >= kFlushAt) {
      file.write(text);
      text.clear();
    }
  }
  file.write(text + "\n]}\n");
  file.commit();
}

}  // namespace pathline
