#include "tests/standin/world.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/standin/standin_nccl.h"

namespace standin {
namespace {

int process_rank() {
  const char* const rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return rank != nullptr ? std::atoi(rank) : 0;
}

}  // namespace

World::World() {
  const char* const options = std::getenv("STANDIN_NCCL");
  configure(options != nullptr ? options : "");
}

void World::write_report() {
  const std::string folder = text("report", -1);
  if (!folder.empty()) std::ofstream(folder + "/process-" + std::to_string(process_rank())) << report();
}

void World::configure(const std::string& options) {
  const std::lock_guard lock(mutex_);
  device_broken = false;
  options_.clear();
  calls_.clear();
  misuse_.clear();
  counts_.clear();
  live_.clear();
  std::istringstream words(options);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    int rank = -1;
    if (const auto at = value.rfind('@'); at != std::string::npos) {
      rank = std::atoi(value.c_str() + at + 1);
      value.erase(at);
    }
    options_[word.substr(0, equals)] = {value, rank};
  }
}

std::string World::text(const std::string& name, int rank) {
  const std::lock_guard lock(mutex_);
  const auto found = options_.find(name);
  if (found == options_.end()) return "";
  const int wanted = found->second.rank;
  if (wanted >= 0 && wanted != (rank >= 0 ? rank : process_rank())) return "";
  return found->second.value;
}

std::uint64_t World::number(const std::string& name, int rank, std::uint64_t otherwise) {
  const std::string value = text(name, rank);
  return value.empty() ? otherwise : std::strtoull(value.c_str(), nullptr, 10);
}

int World::call(const std::string& function, const void* comm, int rank, const std::string& detail) {
  const std::string fail = text("fail", rank);
  const std::lock_guard lock(mutex_);
  calls_.push_back(function + (detail.empty() ? "" : " " + detail));
  const std::uint64_t count = ++counts_[{function, comm}];
  std::istringstream parts(fail);
  std::string name, nth, code;
  std::getline(parts, name, ':');
  std::getline(parts, nth, ':');
  std::getline(parts, code, ':');
  return name == function && std::to_string(count) == nth ? std::atoi(code.c_str()) : 0;
}

void World::misuse(const std::string& what) {
  const std::lock_guard lock(mutex_);
  misuse_.push_back(what);
}

void World::count(const std::string& kind, int change) {
  const std::lock_guard lock(mutex_);
  live_[kind] += change;
}

std::string World::report() {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& call : calls_) text += call + "\n";
  for (const std::string& what : misuse_) text += "misuse: " + what + "\n";
  for (const auto& [kind, live] : live_) {
    if (live != 0) text += "leaked: " + std::to_string(live) + " " + kind + "\n";
  }
  return text;
}

std::chrono::microseconds World::random_delay() {
  const std::uint64_t most = number("delay_us", -1, 0);
  const std::lock_guard lock(mutex_);
  return std::chrono::microseconds(most == 0 ? 0 : random_() % most);
}

World& world() {
  static World& instance = []() -> World& {
    auto* const made = new World;
    std::atexit([] { world().write_report(); });
    return *made;
  }();
  return instance;
}

}  // namespace standin

extern "C" {

EXPORTED void standin_configure(const char* options) {
  standin::world().configure(options);
}

EXPORTED std::size_t standin_report(char* text, std::size_t room) {
  const std::string report = standin::world().report();
  if (room > 0) std::snprintf(text, room, "%s", report.c_str());
  return report.size();
}

}  // extern "C"
