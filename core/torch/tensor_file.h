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

/// Copies `source` into `target` by name. Every name must match one to one, with equal shapes; floating-point dtypes
/// are converted, and whole numbers, but never one kind into the other. Otherwise Error(bad_input) at `place` that
/// lists missing, unexpected and misfit names.
void copy_tensors(const NamedTensors& source, const NamedTensors& target, const std::string& place);

}  // namespace pathline
