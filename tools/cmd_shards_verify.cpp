// pathline shards verify: checks every byte of a shard folder.

#include <fmt/format.h>

#include "core/error.h"
#include "data/shards/verify_shards.h"
#include "tools/cmd_shards.h"
#include "tools/options.h"
#include "tools/print.h"
#include "tools/progress.h"

namespace pathline::tools {

int verify_shards_of(const std::vector<std::string>& arguments) {
  Options options(
      "pathline shards verify", "DIR [options]",
      "Checks every byte: the index, SHA-256 and structure of each shard, all labels, the checksum of each "
      "image. Lists every problem with file and image; exit code 3 if there are any, 4 if some of it could not be "
      "read.");
  options.positional("DIR", "folder of shards", 1, 1);
  options.value("threads", "N", "threads that read and check; 0: one per usable core", "0");
  options.paths({}, /*words=*/true);
  if (!options.parse(arguments)) return 0;

  const std::filesystem::path folder = options.words().front();
  const auto threads = static_cast<int>(options.integer("threads", 0, 1024));
  data::ShardReport report;
  {
    Progress progress("checking", false);
    report = data::verify_shards(
        folder,
        [&](std::uint64_t done, std::uint64_t total) {
          progress.update(static_cast<double>(done) / static_cast<double>(total),
                          fmt::format("{} of {} samples", done, total));
        },
        threads);
  }
  for (const std::string& problem : report.problems) print("{}\n", plain_line(problem));
  for (const std::string& problem : report.unread) print("not checked: {}\n", plain_line(problem));
  const std::string unread =
      fmt::format("{} {} not be read", report.unread.size(), report.unread.size() == 1 ? "part could" : "parts could");
  if (!report.problems.empty()) {
    throw Error(
        ExitCode::bad_input,
        fmt::format("{} {} found{}", report.problems.size(), report.problems.size() == 1 ? "problem" : "problems",
                    report.unread.empty() ? "" : "; " + unread),
        folder.string(),
        "restore the damaged files from a copy, or make the shards anew with `pathline shards create`");
  }
  if (!report.unread.empty()) {
    throw Error(ExitCode::file_system, unread + "; no damage was found in the rest", folder.string(),
                report.unread_hint);
  }
  print("{}: all {} samples in {} {} ({:.1f} MB) are whole\n", plain_line(folder.string()), report.samples,
        report.shards, report.shards == 1 ? "shard" : "shards", static_cast<double>(report.bytes) / 1e6);
  return 0;
}

}  // namespace pathline::tools
