#pragma once
// Section [flow] of a training configuration. Its words are those of the method's tables (flow/method_table.h), whose
// lines document themselves here. Thread-safety: pure functions.

#include "core/config.h"
#include "flow/flow_spec.h"

namespace pathline::flow {

/// Adds the keys of [flow], those of older versions included: they are folded into flow.time.
void declare_flow_keys(ConfigSchema& schema);
/// [flow] as a method.
FlowSpec read_flow(const Config& config);

}  // namespace pathline::flow
