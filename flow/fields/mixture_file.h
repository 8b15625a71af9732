#pragma once
// The numbers of a one-dimensional Gaussian mixture, and the file they are read from. Without LibTorch; what is done
// with them is in flow/fields/mixture_field.h.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pathline::flow {

struct Mixture {
  std::vector<double> weights, means, sigmas;  ///< one of each per component
  std::vector<std::int64_t> shape;             ///< C, H, W
};

/// Throws Error(usage), naming `place`, unless there is one weight, mean and sigma per component, weights and sigmas
/// are positive, the weights sum to 1 (to 1e-6) and the shape is three positive numbers.
void check_mixture(const Mixture& mixture, const std::string& place);

/// Reads section [mixture] with the keys weights, means, sigmas and shape (comma-separated), and checks it. Throws
/// Error(usage) with file and line, or Error(file_system) if the file cannot be read.
Mixture read_mixture(const std::filesystem::path& file);

}  // namespace pathline::flow
