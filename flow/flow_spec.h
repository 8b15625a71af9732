#pragma once
// The method of a model as one value: path, prediction, and how it was trained. The checkpoint stores it, the trainer
// follows it, the sampler obeys it. Thread-safety: immutable methods, shared by copies. No LibTorch here.

#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "flow/couplings/coupling.h"
#include "flow/objectives/objective.h"
#include "flow/paths/path.h"
#include "flow/predictions/prediction.h"
#include "flow/times/time_distribution.h"

namespace pathline::flow {

/// What only training uses.
struct FlowTraining {
  std::shared_ptr<const TimeDistribution> time;
  std::shared_ptr<const Coupling> coupling;
  std::shared_ptr<const Objective> objective;
  double condition_drop = 0;  ///< probability of training a sample without its condition
};

struct FlowSpec {
  FlowSpec();  ///< the linear path and its velocity
  std::shared_ptr<const Path> path;
  std::shared_ptr<const Prediction> prediction;
  std::optional<FlowTraining> training;  ///< nothing: not known (imported weights, checkpoints of older versions)
};

/// The words of a configuration.
struct FlowWords {
  std::string path = "linear", prediction = "velocity", time = "uniform", coupling = "independent",
              objective = "velocity";
  double condition_drop = 0;
};

/// Throws Error(usage) for a word that means nothing, with the nearest that does; its place is the name of the member
/// of FlowWords.
FlowSpec make_flow_spec(const FlowWords& words);

/// Adds the members "path" and "prediction" to `model`, and "training" where it is known.
void flow_spec_to_json(const FlowSpec& spec, nlohmann::ordered_json& model);
/// Reads them. Throws Error(bad_input) at `place` for words that mean nothing, nlohmann's exceptions for what is
/// missing or no text.
FlowSpec flow_spec_from_json(const nlohmann::ordered_json& model, const std::string& place);

}  // namespace pathline::flow
