#pragma once
// What the tests of whole runs share: a folder with a tiny data set, and training in it.

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/hash.h"
#include "tests/core/temporary_folder.h"
#include "tests/trainer/parallel/thread_communicator.h"
#include "tests/trainer/trainer_fixture.h"
#include "trainer/train.h"

namespace pathline::test {

/// A folder with a tiny data set, and what training in it gives.
class TrainFixture : public testing::Test {
 protected:
  TrainFixture() { write_tiny_shards(folder_ / "shards"); }

  TrainOutcome run(const std::vector<std::string>& options = {}, int ranks = 1, const TrainCallbacks& callbacks = {},
                   const TrainOptions& train_options = {}) {
    std::vector<std::string> all = {"--data.shards", (folder_ / "shards").string()};
    all.insert(all.end(), options.begin(), options.end());
    const Config config = tiny_config(folder_.path(), all);
    std::vector<TrainOutcome> outcomes(static_cast<std::size_t>(ranks));
    run_ranks(ranks, [&](parallel::Communicator& communicator) {
      outcomes[static_cast<std::size_t>(communicator.rank())] = train(config, communicator, callbacks, train_options);
    });
    for (const TrainOutcome outcome : outcomes) EXPECT_EQ(outcome, outcomes[0]);
    return outcomes[0];
  }

  /// Options that send a run's output to `name` below the folder.
  std::vector<std::string> into(const std::string& name, std::vector<std::string> more = {}) const {
    more.insert(more.begin(),
                {"--checkpoint.dir", (folder_ / name).string(), "--log.dir", (folder_ / (name + "-log")).string()});
    return more;
  }

  /// Hash over the three tensor files and the state of a checkpoint.
  std::string bits(const std::string& name, std::uint64_t step = 6) const {
    const std::filesystem::path checkpoint = folder_ / name / fmt::format("step-{:09d}", step);
    std::string all;
    for (const char* file : {"model.safetensors", "ema.safetensors", "optimizer.safetensors", "state.json"}) {
      all += sha256_file(checkpoint / file);
    }
    return all;
  }

  TemporaryFolder folder_;
};

/// Says that it is a PNG of 3x2 grey pixels, which is all that is looked at.
inline std::string pretended_png() {
  using namespace std::string_literals;
  return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\0\0\0\0"s;
}

}  // namespace pathline::test
