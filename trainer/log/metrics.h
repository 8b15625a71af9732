#pragma once
// metrics.jsonl: one JSON object per line (docs/formats/metrics.md). A "run" record for every start of the program,
// then a "train" record every log.every steps. A resumed run first drops the records after the step it resumes at, so
// that each step appears once; a run that starts at step 0 renames the file it finds (metrics.1.jsonl, …), which may
// belong to another run. Errors: Error(file_system). Thread-safety: one thread.

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "trainer/log/append_file.h"

namespace pathline {

/// What happened in the steps since the last record.
struct MetricsRecord {
  std::uint64_t step = 0;    ///< optimizer steps done
  std::uint64_t images = 0;  ///< images consumed, skipped steps included
  double epoch = 0;          ///< images / size of the data
  double loss = 0;           ///< mean over the steps since the last record
  double loss_sd = 0;        ///< standard deviation of the single steps' losses
  double gradient_norm = 0;  ///< mean, before clipping
  double clipped = 0;        ///< fraction of steps whose gradient was clipped
  double learning_rate = 0;  ///< of the last step
  double ema_beta = 0;       ///< of the last step
  double images_per_second = 0;
  double data_wait = 0;          ///< fraction of the time this rank (0) waited for data
  double data_wait_seconds = 0;  ///< the same per step
  double reduction = 0;          ///< fraction of the time spent in collectives, waiting for slower ranks included
  double comm_bytes = 0;         ///< per step, handed to collectives on gradients by this rank
  double comm_collectives = 0;   ///< per step
  double comm_seconds = 0;       ///< per step, in collectives on gradients
  double comm_exposed = 0;       ///< per step, of comm_seconds: not hidden behind backward
  double checkpoint_stall = 0;   ///< fraction of the time that training stood still for checkpoints
  std::uint64_t skipped = 0;     ///< steps skipped since the start of the program
  double seconds = 0;            ///< since the start of the program
  double peak_memory_mb = 0;     ///< largest resident set of any rank so far, 10^6 bytes
};

class MetricsFile {
 public:
  /// Opens `folder`/metrics.jsonl. `resume_step` > 0: records of later steps and a cut last line are dropped. 0: starts
  /// a new file.
  MetricsFile(const std::filesystem::path& folder, std::uint64_t resume_step);

  /// The record of a start of the program; `facts`: names and values, added after "kind", "step" and "time".
  void add_run(std::uint64_t step, const std::vector<std::pair<std::string, std::string>>& facts);
  void add(const MetricsRecord& record);

 private:
  AppendFile file_;
};

/// Largest resident set of this process so far, in 10^6 bytes.
double peak_memory_mb();

}  // namespace pathline
