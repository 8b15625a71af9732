#pragma once
// The kinds of optimizers there are, by the value of optimizer.kind. Thread-safety: immutable.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/config.h"
#include "trainer/optim/optimizer.h"

namespace pathline {

struct OptimizerKind {
  std::string name;  ///< the value of optimizer.kind
  std::string doc;   ///< a few words for the documentation
  /// Adds the keys of section [optimizer] that this kind alone has.
  std::function<void(ConfigSchema&)> add_keys;
  std::function<std::shared_ptr<const Optimizer>(const Config&)> make;
};

/// The first is the default.
const std::vector<OptimizerKind>& optimizer_kinds();
/// Adds optimizer.kind and the keys of every kind, which exist where it is chosen.
void declare_optimizer_kinds(ConfigSchema& schema);
/// The one that `config` asks for, with its settings.
std::shared_ptr<const Optimizer> make_optimizer(const Config& config);

}  // namespace pathline
