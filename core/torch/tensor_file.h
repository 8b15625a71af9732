#pragma once
// Tensors in safetensors files. Thread-safety: as core/safetensors.h.

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

namespace pathline {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// Writes the tensors (any device, any strides; stored contiguous, row-major) durably; their order in the file is that
/// of write_safetensors.
void save_tensors(const std::filesystem::path& target, const NamedTensors& tensors,
                  const std::map<std::string, std::string>& metadata = {});

/// All tensors of a file, on the CPU, contiguous, in file order. Throws Error(bad_input) for malformed files.
NamedTensors load_tensors(const std::filesystem::path& path, std::map<std::string, std::string>* metadata = nullptr);

/// Whether `source` can be copied into `target`: every name must match one to one, with equal shapes, and
/// floating-point numbers with floating-point numbers. Otherwise Error(bad_input) at `place` that lists missing,
/// unexpected and misfit names. Looks at no value: tensors without memory (device "meta") do.
void require_fit(const NamedTensors& source, const NamedTensors& target, const std::string& place);

/// Copies `source` into `target` by name, after require_fit(); dtypes are converted.
void copy_tensors(const NamedTensors& source, const NamedTensors& target, const std::string& place);

}  // namespace pathline
