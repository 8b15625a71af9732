#include "trainer/log/metrics.h"

#include <cerrno>
#include <chrono>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/system.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// The lines of a log that are whole and belong to steps up to `last_step`.
std::string kept_lines(std::string_view text, std::uint64_t last_step) {
  std::string kept;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // cut by a crash
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object() || !record.contains("step") || !record["step"].is_number_unsigned()) continue;
    if (record["step"].get<std::uint64_t>() <= last_step) (kept += line) += '\n';
  }
  return kept;
}

/// metrics.jsonl -> metrics.1.jsonl, or the next free number.
void set_aside(const fs::path& file) {
  std::error_code error;
  int number = 1;
  const auto name = [&] { return file.parent_path() / fmt::format("metrics.{}.jsonl", number); };
  while (fs::exists(name(), error)) ++number;
  if (System::current().rename(file, name()) != 0)
    throw system_error(errno, "cannot set the metrics of an earlier run aside", file.string());
}

fs::path prepare(const fs::path& folder, std::uint64_t resume_step) {
  make_folder(folder);
  remove_stale_temporaries(folder);
  fs::path file = folder / "metrics.jsonl";
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return file;
  if (resume_step == 0) {
    set_aside(file);
  } else {
    const std::string text = read_file(file);
    const std::string kept = kept_lines(text, resume_step);
    if (kept != text) write_file_durably(file, kept);
  }
  return file;
}

}  // namespace

MetricsFile::MetricsFile(const fs::path& folder, std::uint64_t resume_step) : file_(prepare(folder, resume_step)) {}

void MetricsFile::add_run(std::uint64_t step, const std::vector<std::pair<std::string, std::string>>& facts) {
  Json record = {
      {"kind", "run"},
      {"step", step},
      {"time", fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(System::current().wall())))}};
  for (const auto& [name, text] : facts) record[name] = text;
  file_.append(record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void MetricsFile::add(const MetricsRecord& r) {
  const Json record = {{"kind", "train"},
                       {"step", r.step},
                       {"images", r.images},
                       {"epoch", r.epoch},
                       {"loss", r.loss},
                       {"loss_sd", r.loss_sd},
                       {"gradient_norm", r.gradient_norm},
                       {"clipped", r.clipped},
                       {"learning_rate", r.learning_rate},
                       {"ema_beta", r.ema_beta},
                       {"images_per_second", r.images_per_second},
                       {"data_wait", r.data_wait},
                       {"data_wait_seconds", r.data_wait_seconds},
                       {"reduction", r.reduction},
                       {"comm_bytes", r.comm_bytes},
                       {"comm_collectives", r.comm_collectives},
                       {"comm_seconds", r.comm_seconds},
                       {"comm_exposed", r.comm_exposed},
                       {"checkpoint_stall", r.checkpoint_stall},
                       {"skipped", r.skipped},
                       {"seconds", r.seconds},
                       {"peak_memory_mb", r.peak_memory_mb}};
  file_.append(record.dump() + "\n");
}

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

}  // namespace pathline
