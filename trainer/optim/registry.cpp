#include "trainer/optim/registry.h"

#include <algorithm>

#include <fmt/format.h>

#include "trainer/optim/adamw.h"

namespace pathline {

const std::vector<OptimizerKind>& optimizer_kinds() {
  static const std::vector<OptimizerKind> kinds = {
      adamw_kind(),
  };
  return kinds;
}

void declare_optimizer_kinds(ConfigSchema& schema) {
  std::vector<std::string> names;
  std::string doc = "what updates the weights";
  for (const OptimizerKind& kind : optimizer_kinds()) {
    names.push_back(kind.name);
    doc += fmt::format("; {}: {}", kind.name, kind.doc);
  }
  schema.add_choice("optimizer.kind", names.front(), names, Effect::breaking, doc);
  for (const OptimizerKind& kind : optimizer_kinds())
    schema.only_where("optimizer.kind", kind.name, [&] { kind.add_keys(schema); });
}

std::shared_ptr<const Optimizer> make_optimizer(const Config& config) {
  const auto& kinds = optimizer_kinds();
  const std::string& wanted = config.text("optimizer.kind");
  return std::find_if(kinds.begin(), kinds.end(), [&](const OptimizerKind& kind) { return kind.name == wanted; })
      ->make(config);  // a choice of the schema: it is one of them
}

}  // namespace pathline
