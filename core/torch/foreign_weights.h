#pragma once
// Weights that another program has written. Thread-safety: no state.

#include <filesystem>
#include <string>

#include "core/torch/tensor_file.h"

namespace pathline {

/// All tensors of a safetensors file, as load_tensors() gives them, but for prefixes that wrappers put before every
/// name, in any nesting: "module." (DataParallel, DistributedDataParallel), "_orig_mod." (torch.compile). They are
/// taken off, and a line of the log says so.
NamedTensors load_foreign_weights(const std::filesystem::path& path);

/// Throws Error(bad_input) at `place` that names tensors with values that are not finite.
void require_finite(const NamedTensors& tensors, const std::string& place);

}  // namespace pathline
