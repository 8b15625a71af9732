#pragma once
// Section [optimizer] of a training configuration. Thread-safety: plain value; the rule is shared and never changed.

#include <memory>

#include "core/config_fields.h"
#include "trainer/optim/learning_rate.h"
#include "trainer/optim/optimizer.h"

namespace pathline {

struct OptimizerConfig {
  std::shared_ptr<const Optimizer> rule;  ///< of optimizer.kind, with the settings that it alone has
  LearningRateSettings learning_rate;
  double clip = 1;  ///< largest global gradient norm; 0: none

  /// What all kinds have.
  void fields(FieldVisitor& f);
};

/// Adds the keys of [optimizer], those of every kind of optimizer included.
void declare_optimizer_keys(ConfigSchema& schema);
OptimizerConfig read_optimizer(const Config& config);

}  // namespace pathline
