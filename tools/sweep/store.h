#pragma once
// Cells of a sweep that are finished, kept in OUT/.cells so that a killed or stopped sweep goes on where it was.
//
// A cell's file is named by the SHA-256 of everything that determines the result (model, noise, solver, budget,
// reference, versions): a changed setting is another file and can never be taken for this one. Each file is one CBOR
// document behind its own SHA-256, written durably; one that is damaged counts as absent and is computed again.
// Solutions that references are made of are kept the same way. Thread-safety: one object, one thread; processes may
// share the folder as long as they write different keys.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/sweep/results.h"

namespace pathline::tools {

/// A reference solution: endpoints as the solver left them.
struct StoredSolution {
  double evaluations = 0;
  std::string dtype;   ///< "float32" or "float64"
  std::string values;  ///< bytes of [count, C, H, W]
};

class CellStore {
 public:
  /// `folder` need not exist before the first save.
  explicit CellStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::optional<CellOutcome> load_cell(const std::string& key) const;
  void save_cell(const std::string& key, const CellOutcome& outcome) const;
  std::optional<StoredSolution> load_solution(const std::string& key) const;
  void save_solution(const std::string& key, const StoredSolution& solution) const;

  /// Removes the files of all keys but these. Failures are ignored: what stays is only not used.
  void keep_only(const std::set<std::string>& keys) const;

 private:
  std::filesystem::path folder_;
};

/// SHA-256 of "name=value" lines: the key of what they determine. Values are length-prefixed, so that no two lists
/// give the same text.
std::string store_key(const std::vector<std::pair<std::string, std::string>>& settings);

/// Outcomes by the number of their cell, as bytes to send to another rank. decode throws Error(bad_input) for anything
/// else.
using NumberedOutcomes = std::vector<std::pair<std::size_t, CellOutcome>>;
std::string encode(const NumberedOutcomes& outcomes);
NumberedOutcomes decode(const std::string& bytes);

}  // namespace pathline::tools
