#include "trainer/log/run_log.h"

#include <fmt/format.h>

#include "core/durable_file.h"

namespace pathline {

RunLog::RunLog(const RunConfig& run, std::uint64_t resume_step, const Facts& facts)
    : folder_(run.log.dir), metrics_(run.log.dir, resume_step) {
  metrics_.add_run(resume_step, facts);
  // A first start also says "from step 0", so that events of an earlier run in the same folder do not mix with this
  // one's.
  if (run.log.tensorboard) tensorboard_.emplace(run.log.dir, resume_step + 1);
}

void RunLog::record(const MetricsRecord& record) {
  metrics_.add(record);
  if (!tensorboard_) return;
  tensorboard_->add_scalar("train/loss", record.loss, record.step);
  tensorboard_->add_scalar("train/gradient_norm", record.gradient_norm, record.step);
  tensorboard_->add_scalar("train/learning_rate", record.learning_rate, record.step);
  tensorboard_->add_scalar("train/ema_beta", record.ema_beta, record.step);
  tensorboard_->add_scalar("train/epoch", record.epoch, record.step);
  tensorboard_->add_scalar("speed/images_per_second", record.images_per_second, record.step);
  tensorboard_->add_scalar("speed/data_wait", record.data_wait, record.step);
  tensorboard_->add_scalar("speed/reduction", record.reduction, record.step);
  tensorboard_->add_scalar("speed/comm_seconds", record.comm_seconds, record.step);
  tensorboard_->add_scalar("speed/comm_exposed", record.comm_exposed, record.step);
  tensorboard_->add_scalar("speed/checkpoint_stall", record.checkpoint_stall, record.step);
  tensorboard_->add_scalar("speed/peak_memory_mb", record.peak_memory_mb, record.step);
}

void RunLog::preview(const std::string& png, std::uint64_t step) {
  const std::filesystem::path folder = folder_ / "preview";
  make_folder(folder);
  write_file_durably(folder / fmt::format("step-{:09d}.png", step), png);
  if (tensorboard_) tensorboard_->add_image("preview", png, step);
}

}  // namespace pathline
