#pragma once
// Which samples each step has seen, for checking that every sample is seen once per epoch whatever happens to the run.
//
// One file per rank, PREFIX.rank-R; a line "BATCH EPOCH SAMPLE" per sample, BATCH counting from 1 through all batches
// of the run. A step that a restart repeats is written again, with the same lines. Errors: Error(file_system).
// Thread-safety: one thread.

#include <string>

#include "data/read/reader.h"
#include "trainer/log/append_file.h"

namespace pathline {

class SampleLog {
 public:
  SampleLog(const std::string& prefix, int rank);
  void add(const data::Batch& batch);
  /// Writes what was added: after the step has been taken.
  void flush();

 private:
  AppendFile file_;
  std::string lines_;
};

}  // namespace pathline
