#include "trainer/log/log_config.h"

namespace pathline {

void LogConfig::fields(FieldVisitor& f) {
  f.path("log.dir", dir, Effect::free, "folder of metrics.jsonl, TensorBoard events and previews");
  f.integer("log.every", every, 1, kUnlimited, Effect::free, "steps between lines of metrics");
  f.integer("log.preview_every", preview_every, 0, kUnlimited, Effect::free,
            "steps between preview pictures (EMA weights); 0: none");
  f.integer("log.preview_steps", preview_steps, 1, 10000, Effect::free, "Heun steps of a preview");
  f.boolean("log.tensorboard", tensorboard, Effect::free, "write TensorBoard event files");
  f.path("log.samples", samples, Effect::free,
         "prefix of files that list the samples of each step, PREFIX.rank-N per rank; empty: none");
  f.path("log.trace", trace, Effect::free,
         "folder of timelines for ui.perfetto.dev, trace-rankN.json per rank; empty: none");
}

void LogConfig::check(const Config& config) const {
  if (dir.empty()) config.fail("log.dir", "expected a folder, found nothing");
}

}  // namespace pathline
