#include "trainer/output_folders.h"

#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "core/durable_file.h"
#include "core/error.h"
#include "core/writable_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

/// What `work` throws, with the setting at fault in its message.
template <typename Work>
void for_setting(const char* key, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", key, error.message()), error.place(), error.hint());
  }
}

}  // namespace

OutputFolders::OutputFolders(const RunConfig& run, int rank, bool dry_run) {
  const auto prepare = [dry_run](const fs::path& folder) {
    if (!dry_run) make_folder(folder);
    require_writable(folder);
  };
  if (rank == 0) {
    for_setting("checkpoint.dir", [&] {
      if (!dry_run) {
        checkpoint_lock_.emplace(run.checkpoint.dir);
        remove_stale_temporaries(run.checkpoint.dir);
      }
      require_writable(run.checkpoint.dir);
    });
    for_setting("log.dir", [&] {
      prepare(run.log.dir);
      std::error_code ignored;
      // A second lock on one folder would stand in the way of the first.
      if (!dry_run && !fs::equivalent(run.checkpoint.dir, run.log.dir, ignored)) log_lock_.emplace(run.log.dir);
      require_appendable(run.log.dir / "metrics.jsonl");
      if (run.log.preview_every > 0) require_writable(run.log.dir / "preview");
    });
  }
  if (!run.log.trace.empty()) for_setting("log.trace", [&] { prepare(run.log.trace); });
  if (!run.log.samples.empty()) {
    for_setting("log.samples", [&] {
      prepare(fs::path(run.log.samples).parent_path());
      require_appendable(fmt::format("{}.rank-{}", run.log.samples, rank));
    });
  }
}

}  // namespace pathline
