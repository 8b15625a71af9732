#include "flow/flow_config.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace pathline::flow {
namespace {

/// A bare one gets its numbers from the older keys.
constexpr std::string_view kBareLogitNormal = "logit-normal";

/// "linear | cosine".
template <class Method>
std::string forms(MethodTable<Method> table) {
  std::string list;
  for (const MethodEntry<Method>& entry : table) list += (list.empty() ? "" : " | ") + entry.usage();
  return list;
}

/// A key whose text names an entry of `table`; kept and printed as the method itself writes it.
template <class Method>
ConfigKey method_key(const char* name, const char* value, MethodTable<Method> table,
                     std::shared_ptr<const Method> (*make)(std::string_view), const char* doc) {
  ConfigKey key;
  key.name = name;
  key.default_value = value;
  key.on_resume = Effect::breaking;
  key.doc = fmt::format("{}; {}", doc, method_docs(table));
  key.form = forms(table);
  key.canonical = [make](const std::string& text, const std::string& place) {
    try {
      return make(text)->text();
    } catch (const Error& error) {
      throw Error(ExitCode::usage, error.message(), place, error.hint());
    }
  };
  return key;
}

ConfigKey time_key() {
  ConfigKey key = method_key("flow.time", "uniform", time_distributions(), make_time_distribution,
                             "distribution of training times");
  key.canonical = [canonical = std::move(key.canonical)](const std::string& text, const std::string& place) {
    return text == kBareLogitNormal ? text : canonical(text, place);
  };
  return key;
}

void fold_mean_and_std(Config& config) {
  const std::string time = config.text("flow.time");
  const double mean = config.real("flow.time_mean"), std = config.real("flow.time_std");
  if (time == kBareLogitNormal) {
    const std::string whole = fmt::format("logit-normal:{},{}", mean, std);
    config.fold("flow.time", "flow.time", whole);
    for (const char* older : {"flow.time_mean", "flow.time_std"}) {
      if (!config.is_default(older)) config.fold(older, "flow.time", whole);
    }
  } else if (time != "uniform" && (mean != 0 || std != 1)) {
    config.fail("flow.time", "flow.time_mean and flow.time_std are for a bare logit-normal, found " + shown(time),
                "leave them out: flow.time = logit-normal:MEAN,STD says it all");
  }
}

}  // namespace

void declare_flow_keys(ConfigSchema& schema) {
  schema.add(method_key("flow.path", "linear", path_table(), make_path, "path from noise (t = 0) to data (t = 1)"));
  schema.add(method_key("flow.prediction", "velocity", prediction_table(), make_prediction,
                        "what the network's output means"));
  schema.add(time_key());
  schema.add_real("flow.time_mean", 0.0, -20.0, 20.0, Effect::free,
                  "older way to write MEAN of flow.time = logit-normal:MEAN,STD");
  schema.add_real("flow.time_std", 1.0, 1e-3, 20.0, Effect::free,
                  "older way to write STD of flow.time = logit-normal:MEAN,STD");
  schema.add(method_key("flow.coupling", "independent", coupling_table(), make_coupling,
                        "which noise each sample of the global batch gets"));
  schema.add(method_key("flow.objective", "velocity", objective_table(), make_objective, "what training minimises"));
  schema.add_real("flow.label_drop", 0.0, 0.0, 1.0, Effect::breaking,
                  "probability of training a sample without its label, for classifier-free guidance");
  schema.fold_older_keys(fold_mean_and_std);
}

FlowSpec read_flow(const Config& config) {
  return make_flow_spec({config.text("flow.path"), config.text("flow.prediction"), config.text("flow.time"),
                         config.text("flow.coupling"), config.text("flow.objective"), config.real("flow.label_drop")});
}

}  // namespace pathline::flow
