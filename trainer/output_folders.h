#pragma once
// The folders that a run writes into. They are locked and tried before anything is computed, so that a run does not end
// at its first checkpoint for a missing right or a full quota.
//
// Ownership: holds the locks for its lifetime. Thread-safety: one thread.

#include <optional>

#include "core/run_lock.h"
#include "trainer/run_config.h"

namespace pathline {

class OutputFolders {
 public:
  /// Those that `rank` writes into: checkpoint.dir and log.dir are rank 0's. Makes what is missing; `dry_run`: locks
  /// nothing and leaves nothing behind. Throws Error(usage) if another run writes there, Error(file_system) if this one
  /// cannot; the message names the setting.
  OutputFolders(const RunConfig& run, int rank, bool dry_run);

 private:
  std::optional<RunLock> checkpoint_lock_, log_lock_;
};

}  // namespace pathline
