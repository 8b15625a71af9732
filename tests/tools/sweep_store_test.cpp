#include <fstream>

#include <gtest/gtest.h>

#include "core/durable_file.h"
#include "tests/core/temporary_folder.h"
#include "tools/sweep/store.h"

namespace pathline::tools {
namespace {

CellOutcome outcome() {
  CellOutcome o;
  o.evaluations = 16.25;
  o.accepted = 8;
  o.rejected = 1;
  o.status = "done";
  o.t_final = 1;
  o.message = "not UTF-8: \xff";
  o.seconds = 0.1;
  o.solver_seconds = 0.01;
  o.ranks = 4;
  o.host_ranks = 2;
  o.rms_error = 1.0 / 3;
  o.max_error = 2;
  o.sample_rms = {0.1, 0.7};
  o.strip = {1.5, -2.0, 0.1};
  return o;
}

void expect_same(const CellOutcome& a, const CellOutcome& b) {
  EXPECT_EQ(a.evaluations, b.evaluations);
  EXPECT_EQ(a.accepted, b.accepted);
  EXPECT_EQ(a.rejected, b.rejected);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.t_final, b.t_final);
  EXPECT_EQ(a.message, b.message);
  EXPECT_EQ(a.seconds, b.seconds);
  EXPECT_EQ(a.solver_seconds, b.solver_seconds);
  EXPECT_EQ(a.ranks, b.ranks);
  EXPECT_EQ(a.host_ranks, b.host_ranks);
  EXPECT_EQ(a.rms_error, b.rms_error);
  EXPECT_EQ(a.max_error, b.max_error);
  EXPECT_EQ(a.sample_rms, b.sample_rms);
  EXPECT_EQ(a.strip, b.strip);
}

TEST(CellStore, GivesBackEveryBitOfACell) {
  const test::TemporaryFolder folder;
  const CellStore store(folder.path() / "cells");

  store.save_cell("key", outcome());

  const auto loaded = store.load_cell("key");
  ASSERT_TRUE(loaded);
  expect_same(*loaded, outcome());
}

TEST(CellStore, UnknownKeyIsNothing) {
  const test::TemporaryFolder folder;

  EXPECT_FALSE(CellStore(folder.path() / "cells").load_cell("key"));
}

TEST(CellStore, DamagedFileCountsAsAbsent) {
  const test::TemporaryFolder folder;
  const CellStore store(folder.path());
  store.save_cell("key", outcome());
  const auto file = folder.path() / "key.cell";
  std::string bytes = read_file(file);

  bytes[bytes.size() / 2] ^= 1;
  write_file_durably(file, bytes);

  EXPECT_FALSE(store.load_cell("key"));
}

TEST(CellStore, SolutionIsNoCell) {
  const test::TemporaryFolder folder;
  const CellStore store(folder.path());

  store.save_solution("key", {12, "float32", "bytes"});

  EXPECT_FALSE(store.load_cell("key"));
  EXPECT_EQ(store.load_solution("key")->values, "bytes");
}

TEST(CellStore, KeepsOnlyWhatIsStillUsed) {
  const test::TemporaryFolder folder;
  const CellStore store(folder.path());
  store.save_cell("old", outcome());
  store.save_cell("new", outcome());

  store.keep_only({"new"});

  EXPECT_FALSE(store.load_cell("old"));
  EXPECT_TRUE(store.load_cell("new"));
}

TEST(StoreKey, SeparatesValuesThatRunTogether) {
  EXPECT_NE(store_key({{"a", "1\nb=1:2"}}), store_key({{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(store_key({{"a", "1"}}), store_key({{"a", "1"}}));
}

TEST(NumberedOutcomes, TravelAsBytes) {
  const NumberedOutcomes back = decode(encode({{3, outcome()}}));

  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].first, 3U);
  expect_same(back[0].second, outcome());
}

}  // namespace
}  // namespace pathline::tools
