#pragma once
// A grid of pictures from the network being trained, for the log: a row per class (or plain rows when unconditional),
// always from the same noise, so that successive previews show the same garments getting better.

#include <cstdint>
#include <string>

#include "flow/flow_spec.h"
#include "flow/networks/network.h"
#include "sampling/sample_file.h"

namespace pathline::sampling {

struct PreviewSettings {
  std::uint64_t seed = 0;
  std::int64_t columns = 8, rows_if_unconditional = 8;
  std::int64_t steps = 10;  ///< Heun steps
  std::int64_t scale = 2;   ///< pixels per image pixel
};

/// PNG bytes. `mapping`: from the network's units to bytes. The network is used in evaluation mode without gradients
/// and left as it was.
std::string render_preview(flow::VelocityNetwork& network, const flow::FlowSpec& flow, const ByteMapping& mapping,
                           const PreviewSettings& settings);

}  // namespace pathline::sampling
