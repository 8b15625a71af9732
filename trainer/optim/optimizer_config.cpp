#include "trainer/optim/optimizer_config.h"

#include "trainer/optim/registry.h"

namespace pathline {

void OptimizerConfig::fields(FieldVisitor& f) {
  f.real("optimizer.lr", learning_rate.peak, 0.0, 1e6, Effect::steering, "peak learning rate");
  f.real("optimizer.clip", clip, 0.0, kUnlimitedReal, Effect::steering, "largest global gradient norm; 0: no clipping");
  f.integer("optimizer.warmup", learning_rate.warmup_steps, 0, kUnlimited, Effect::steering,
            "steps of linear warm-up of the learning rate");
  f.choice("optimizer.schedule", learning_rate.schedule, {"constant", "cosine"}, Effect::steering,
           "learning rate after the warm-up");
  f.real("optimizer.final_lr_fraction", learning_rate.final_fraction, 0.0, 1.0, Effect::steering,
         "cosine: last learning rate as a fraction of the peak");
}

void declare_optimizer_keys(ConfigSchema& schema) {
  declare_optimizer_kinds(schema);
  declare_fields<OptimizerConfig>(schema);
}

OptimizerConfig read_optimizer(const Config& config) {
  OptimizerConfig optimizer = read_fields<OptimizerConfig>(config);
  optimizer.rule = make_optimizer(config);
  return optimizer;
}

}  // namespace pathline
