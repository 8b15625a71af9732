#include "flow/flow_spec.h"

#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace pathline::flow {
namespace {

using Json = nlohmann::ordered_json;

/// make(word), whose error gets the place and the code of where the word stands.
template <class Method>
std::shared_ptr<const Method> bound(std::shared_ptr<const Method> (*make)(std::string_view), const std::string& word,
                                    ExitCode code, const std::string& place, const std::string& before_message = {}) {
  try {
    return make(word);
  } catch (const Error& error) {
    throw Error(code, before_message + error.message(), place, error.hint());
  }
}

}  // namespace

FlowSpec::FlowSpec() : path(make_path("linear")), prediction(make_prediction("velocity")) {}

FlowSpec make_flow_spec(const FlowWords& words) {
  FlowSpec spec;
  spec.path = bound(make_path, words.path, ExitCode::usage, "path");
  spec.prediction = bound(make_prediction, words.prediction, ExitCode::usage, "prediction");
  spec.training =
      FlowTraining{bound(make_time_distribution, words.time, ExitCode::usage, "time"),
                   bound(make_coupling, words.coupling, ExitCode::usage, "coupling"),
                   bound(make_objective, words.objective, ExitCode::usage, "objective"), words.condition_drop};
  return spec;
}

void flow_spec_to_json(const FlowSpec& spec, Json& model) {
  model["path"] = spec.path->text();
  model["prediction"] = spec.prediction->text();
  if (!spec.training) return;
  model["training"] = {{"time", spec.training->time->text()},
                       {"coupling", spec.training->coupling->text()},
                       {"objective", spec.training->objective->text()},
                       {"condition_drop", spec.training->condition_drop}};
}

FlowSpec flow_spec_from_json(const Json& model, const std::string& place) {
  const auto read = [&](const Json& object, const std::string& parent, const char* key, auto make) {
    return bound(make, object.at(key).get<std::string>(), ExitCode::bad_input, place,
                 fmt::format("{}.{}: ", parent, key));
  };
  FlowSpec spec;
  spec.path = read(model, "model", "path", make_path);
  spec.prediction = read(model, "model", "prediction", make_prediction);
  const auto found = model.find("training");
  if (found == model.end()) return spec;
  FlowTraining training;
  training.time = read(*found, "model.training", "time", make_time_distribution);
  training.coupling = read(*found, "model.training", "coupling", make_coupling);
  training.objective = read(*found, "model.training", "objective", make_objective);
  training.condition_drop = found->at("condition_drop").get<double>();
  if (!(training.condition_drop >= 0 && training.condition_drop <= 1)) {
    throw Error(ExitCode::bad_input,
                fmt::format("model.training.condition_drop: expected a probability, found {}", training.condition_drop),
                place);
  }
  spec.training = std::move(training);
  return spec;
}

}  // namespace pathline::flow
