#include "trainer/checkpoint/checkpoint_config.h"

namespace pathline {

void CheckpointConfig::fields(FieldVisitor& f) {
  f.path("checkpoint.dir", dir, Effect::free, "folder of checkpoints; a run found there is resumed");
  f.integer("checkpoint.every", every, 0, kUnlimited, Effect::free, "steps between checkpoints; 0: only at the end");
  f.integer("checkpoint.keep", keep, 1, 1000000, Effect::free, "checkpoints kept");
  f.boolean("checkpoint.async", async, Effect::free,
            "write checkpoints in the background, from a copy in memory of rank 0; false: training waits");
}

void CheckpointConfig::check(const Config& config) const {
  if (dir.empty()) config.fail("checkpoint.dir", "expected a folder, found nothing");
}

}  // namespace pathline
