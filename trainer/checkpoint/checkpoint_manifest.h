#pragma once
// MANIFEST.json of a checkpoint (docs/formats/checkpoints.md): which files it has, their sizes and hashes. No LibTorch
// here. Thread-safety: no state.

#include <cstdint>
#include <map>
#include <string>

namespace pathline {

struct ManifestEntry {
  std::uint64_t bytes = 0;
  std::string sha256;  ///< 64 lower-case hexadecimal digits
};
using Manifest = std::map<std::string, ManifestEntry>;

/// Throws Error(bad_input) at `place` for anything that is not a manifest.
Manifest parse_manifest(const std::string& text, const std::string& place);
std::string manifest_text(const Manifest& manifest);

}  // namespace pathline
