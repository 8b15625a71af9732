#pragma once
// What rank 0 writes while training: metrics.jsonl, TensorBoard events, preview pictures. Errors: Error(file_system).
// Thread-safety: the training thread only.

#include <cstdint>
#include <optional>
#include <string>

#include "trainer/log/metrics.h"
#include "trainer/log/run_facts.h"
#include "trainer/log/tensorboard.h"
#include "trainer/run_config.h"

namespace pathline {

class RunLog {
 public:
  /// Opens the files; `resume_step` > 0: drops what they hold of later steps.
  RunLog(const RunConfig& run, std::uint64_t resume_step, const Facts& facts);
  void record(const MetricsRecord& record);
  /// log.dir/preview/step-….png and a TensorBoard picture. `png`: a complete PNG file.
  void preview(const std::string& png, std::uint64_t step);

 private:
  std::filesystem::path folder_;
  MetricsFile metrics_;
  std::optional<TensorboardWriter> tensorboard_;
};

}  // namespace pathline
