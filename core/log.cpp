#include "core/log.h"

#include <memory>
#include <string>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "core/plain_text.h"

namespace pathline {
namespace {

constexpr const char* kPattern = "%H:%M:%S %^%l%$ %v";

/// The process-wide logger: like stderr itself, there is one. Usable before setup_logging. The sink colours terminals
/// only.
spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> instance = [] {
    auto created =
        std::make_unique<spdlog::logger>("pathline", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    created->set_pattern(kPattern);
    created->flush_on(spdlog::level::trace);
    return created;
  }();
  return *instance;
}

void log(spdlog::level::level_enum level, std::string_view message) {
  if (!logger().should_log(level)) return;
  const std::string plain = plain_message(message);
  logger().log(level, spdlog::string_view_t(plain.data(), plain.size()));
}

}  // namespace

void setup_logging(int rank, int ranks, bool verbose) {
  std::string pattern = kPattern;
  if (ranks > 1) pattern = "%H:%M:%S %^%l%$ [" + std::to_string(rank) + "/" + std::to_string(ranks) + "] %v";
  logger().set_pattern(pattern);
  const auto level = verbose ? spdlog::level::debug : rank > 0 ? spdlog::level::warn : spdlog::level::info;
  logger().set_level(level);
}

void log_debug(std::string_view message) {
  log(spdlog::level::debug, message);
}
void log_info(std::string_view message) {
  log(spdlog::level::info, message);
}
void log_warning(std::string_view message) {
  log(spdlog::level::warn, message);
}
void log_error(std::string_view message) {
  log(spdlog::level::err, message);
}

}  // namespace pathline
