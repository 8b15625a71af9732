#pragma once
// Which checkpoints of a folder stay while a run writes new ones: the newest `keep` whole ones, and always the one just
// written. A damaged one does not count, so that it never pushes out a whole one, and it stays where it is until `keep`
// newer ones are whole (docs/formats/checkpoints.md).
//
// Whether one is whole is found out once, from its hashes; afterwards the sizes of its files are looked at each time.
// Thread-safety: one thread at a time.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace pathline {

class CheckpointRetention {
 public:
  /// keep >= 1, of the checkpoints below `folder`.
  CheckpointRetention(std::filesystem::path folder, std::int64_t keep);

  /// Removes what need not stay now that the step folder `written` is whole on disk. A removal that fails is a warning.
  void apply(const std::filesystem::path& written);

 private:
  bool is_whole(const std::filesystem::path& step_folder, bool warn);

  const std::filesystem::path folder_;
  const std::int64_t keep_;
  std::map<std::string, bool> whole_;  // by name, those whose hashes have been compared
};

}  // namespace pathline
