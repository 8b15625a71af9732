// Writing shards with each call to the system failing in turn: a clear error, no target or the whole one, and the same
// conversion again gives the bytes of an undisturbed one.

#include <map>

#include "data/convert/convert.h"
#include "data/shards/shard_set.h"
#include "data/sources/toy_source.h"
#include "tests/core/faulty_system.h"
#include "tests/data/shards/shard_fixture.h"

namespace pathline::data {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::error_under;
using test::FaultySystem;
using test::for_every_fault;

/// Every file of a folder and its bytes.
std::map<std::string, std::string> contents_of(const fs::path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::directory_iterator(folder))
    contents[entry.path().filename().string()] = read_bytes(entry.path());
  return contents;
}

void make_shards(const fs::path& out) {
  ToySource source("moons", 30, 3);
  ConvertOptions how;
  how.out = out;
  how.name = "moons";
  how.shard_samples = 20;
  how.dedupe = true;  // reads finished shards when it goes on
  convert(source, how);
}

/// Names below `folder` that a write under way would have.
std::vector<std::string> temporaries_below(const fs::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (contains(entry.path().filename().string(), ".tmp-")) found.push_back(entry.path().string());
  }
  return found;
}

TEST(ConvertFaults, EachLeavesNoTargetAndTheSameAgainGivesTheSameBytes) {
  const TemporaryFolder reference;
  make_shards(reference / "out");
  const auto expected = contents_of(reference / "out");

  for_every_fault([&](FaultySystem& system) {
    const TemporaryFolder folder;

    testing::internal::CaptureStderr();
    const auto error = error_under(system, [&] { make_shards(folder / "out"); });
    const std::string said = testing::internal::GetCapturedStderr();

    EXPECT_EQ(fs::exists(folder / "out"), !error);
    if (!error && fs::exists(folder / ".out.partial")) {
      // The set is in its place; that the emptied work folder could not be removed is a warning.
      EXPECT_TRUE(contains(said, ".out.partial"));
      EXPECT_EQ(contents_of(folder / "out"), expected);
      return;
    }
    test::expect_documented(error, system);
    EXPECT_EQ(temporaries_below(folder.path()), std::vector<std::string>{});
    // What stays holds a finished shard.
    EXPECT_EQ(fs::exists(folder / ".out.partial"), fs::exists(folder / ".out.partial/part-00000.json"));
    if (error) make_shards(folder / "out");
    EXPECT_EQ(contents_of(folder / "out"), expected);
    EXPECT_EQ(folder.names(), std::vector<std::string>{"out"});
  });
}

TEST(ConvertFaults, WhatALostDeviceLeavesIsWholeKeptOrNamed) {
  for_every_fault(
      [](FaultySystem& system) {
        const TemporaryFolder folder;

        testing::internal::CaptureStderr();
        const auto error = error_under(system, [&] { make_shards(folder / "out"); });
        const std::string said = testing::internal::GetCapturedStderr();

        // Once the set is in its place the work folder may be what cannot be removed: that is a warning.
        if (error) test::expect_documented(error, system);
        if (fs::exists(folder / "out")) {
          EXPECT_NO_THROW(ShardSet::open(folder / "out", true));
        }
        if (fs::exists(folder / ".out.partial") && !fs::exists(folder / ".out.partial/part-00000.json")) {
          EXPECT_TRUE(contains(said, ".out.partial"));
        }
        for (const std::string& name : temporaries_below(folder.path())) EXPECT_TRUE(contains(said, name));
      },
      /*lasting=*/true);
}

TEST(ShardWriterFaults, EachLeavesNothingAndTheSameAgainSucceeds) {
  for_every_fault([](FaultySystem& system) {
    const TemporaryFolder folder;

    const auto error = error_under(system, [&] { write_small_set(folder / "shards", 5, 3); });

    test::expect_documented(error, system);
    EXPECT_EQ(folder.names(), error ? std::vector<std::string>{} : std::vector<std::string>{"shards"});
    if (error) write_small_set(folder / "shards", 5, 3);
    EXPECT_EQ(ShardSet::open(folder / "shards", true).size(), 5u);
  });
}

}  // namespace
}  // namespace pathline::data
