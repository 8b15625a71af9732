#include "trainer/log/sample_log.h"

#include <filesystem>

#include <fmt/format.h>

#include "core/durable_file.h"

namespace pathline {
namespace {

std::filesystem::path file_for(const std::string& prefix, int rank) {
  std::filesystem::path file = fmt::format("{}.rank-{}", prefix, rank);
  if (file.has_parent_path()) make_folder(file.parent_path());
  return file;
}

}  // namespace

SampleLog::SampleLog(const std::string& prefix, int rank) : file_(file_for(prefix, rank)) {}

void SampleLog::add(const data::Batch& batch) {
  for (const auto& sample : batch.samples)
    lines_ += fmt::format("{} {} {}\n", batch.number + 1, sample.epoch, sample.id);
}

void SampleLog::flush() {
  if (!lines_.empty()) file_.append(lines_);
  lines_.clear();
}

}  // namespace pathline
