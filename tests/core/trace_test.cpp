#include "core/trace.h"

#include <cmath>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/durable_file.h"
#include "core/error.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

using Json = nlohmann::json;
using test::error_of;
using test::TemporaryFolder;

Json read_trace(const std::filesystem::path& file) {
  return Json::parse(read_file(file));
}

/// The spans ("X" events) of a trace by name.
std::map<std::string, Json> spans_of(const Json& trace) {
  std::map<std::string, Json> spans;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] == "X") spans[event["name"]] = event;
  }
  return spans;
}

/// The name that a trace gives to a thread.
std::string thread_name(const Json& trace, const Json& tid) {
  for (const Json& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name" && event["tid"] == tid) return event["args"]["name"];
  }
  return "(none)";
}

TEST(Trace, IsJsonWithNestedSpansInMicroseconds) {
  const TemporaryFolder folder;
  TraceWriter writer(folder / "trace.json", 3, "rank \"3\"");

  const auto before = TraceWriter::Clock::now();
  {
    TraceSpan outer(&writer, "step", "step");
    const TraceSpan inner(&writer, "data wait", "data");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const std::chrono::duration<double, std::micro> elapsed = TraceWriter::Clock::now() - before;
  writer.write();

  const Json trace = read_trace(folder / "trace.json");
  const auto spans = spans_of(trace);
  const Json &outer = spans.at("step"), &inner = spans.at("data wait");
  EXPECT_EQ(trace["traceEvents"][0]["args"]["name"], "rank \"3\"");
  EXPECT_EQ(outer["pid"], 3);
  EXPECT_EQ(outer["tid"], inner["tid"]);
  EXPECT_EQ(inner["cat"], "data");
  EXPECT_LE(outer["ts"].get<double>(), inner["ts"].get<double>());
  EXPECT_GE(outer["ts"].get<double>() + outer["dur"].get<double>(),
            inner["ts"].get<double>() + inner["dur"].get<double>() - 0.01);
  EXPECT_GE(inner["dur"].get<double>(), 2000.0);
  EXPECT_LE(outer["dur"].get<double>(), elapsed.count());
}

TEST(Trace, CarriesUpToThreeNumbersPerSpan) {
  const TemporaryFolder folder;
  TraceWriter writer(folder / "trace.json", 0, "rank 0");
  {
    TraceSpan span(&writer, "send", "communication");
    span.argument("bytes", 26214400);
    span.argument("loss", std::nan(""));
    span.argument("share", 0.25);
    span.argument("too many", 1);
  }

  writer.write();

  const Json arguments = spans_of(read_trace(folder / "trace.json")).at("send")["args"];
  EXPECT_EQ(arguments, Json({{"bytes", 26214400}, {"loss", nullptr}, {"share", 0.25}}));
}

TEST(Trace, TellsThreadsApartByTheirNames) {
  const TemporaryFolder folder;
  TraceWriter writer(folder / "trace.json", 0, "rank 0");
  writer.name_thread("training");

  std::thread other([&] {
    writer.name_thread("checkpoint");
    writer.name_thread("checkpoint");  // a second time says nothing new
    const TraceSpan span(&writer, "write", "checkpoint");
  });
  other.join();
  { const TraceSpan span(&writer, "step", "step"); }
  writer.write();

  const Json trace = read_trace(folder / "trace.json");
  const auto spans = spans_of(trace);
  EXPECT_EQ(thread_name(trace, spans.at("step")["tid"]), "training");
  EXPECT_EQ(thread_name(trace, spans.at("write")["tid"]), "checkpoint");
  EXPECT_NE(spans.at("step")["tid"], spans.at("write")["tid"]);
}

TEST(Trace, TakesSpansFromManyThreadsAtOnce) {
  constexpr int kThreads = 4, kSpans = 500;
  const TemporaryFolder folder;
  TraceWriter writer(folder / "trace.json", 0, "rank 0");
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&writer] {
        for (int i = 0; i < kSpans; ++i) const TraceSpan span(&writer, "work", "test");
      });
    }
  }

  writer.write();

  EXPECT_EQ(read_trace(folder / "trace.json")["otherData"]["spans"], kThreads * kSpans);
}

TEST(Trace, KeepsTheFirstSpansAndCountsTheRest) {
  const TemporaryFolder folder;
  TraceWriter writer(folder / "trace.json", 0, "rank 0", /*max_events=*/2);

  for (const char* name : {"first", "second", "third", "fourth", "fifth"}) {
    const TraceSpan span(&writer, name, "test");
  }
  writer.write();

  const Json trace = read_trace(folder / "trace.json");
  EXPECT_EQ(spans_of(trace).size(), 2U);
  EXPECT_TRUE(spans_of(trace).contains("second"));
  EXPECT_EQ(trace["otherData"]["dropped_spans"], 3);
}

TEST(Trace, IsWrittenWhenAnErrorUnwinds) {
  const TemporaryFolder folder;

  error_of([&] {
    TraceWriter writer(folder / "trace.json", 0, "rank 0");
    const TraceSpan span(&writer, "step", "step");
    throw Error(ExitCode::numerical, "the loss is not finite");
  });

  EXPECT_TRUE(spans_of(read_trace(folder / "trace.json")).contains("step"));
}

TEST(Trace, LeavesOutWhatEndsAfterItWasWritten) {
  const TemporaryFolder folder;
  {
    TraceWriter writer(folder / "trace.json", 0, "rank 0");
    { const TraceSpan early(&writer, "early", "test"); }
    writer.write();
    const TraceSpan late(&writer, "late", "test");
  }

  EXPECT_EQ(read_trace(folder / "trace.json")["otherData"]["spans"], 1);
}

TEST(Trace, WithoutSpansLeavesTheFileOfAnEarlierRunAlone) {
  const TemporaryFolder folder;
  write_file_durably(folder / "trace.json", "of an earlier run");

  { TraceWriter writer(folder / "trace.json", 0, "rank 0"); }

  EXPECT_EQ(read_file(folder / "trace.json"), "of an earlier run");
}

TEST(Trace, SaysWhereItCannotBeWritten) {
  const TemporaryFolder folder;
  TraceWriter writer(folder / "missing/trace.json", 0, "rank 0");
  { const TraceSpan span(&writer, "step", "step"); }

  const Error error = error_of([&] { writer.write(); });

  EXPECT_EQ(error.code(), ExitCode::file_system);
  EXPECT_TRUE(test::contains(error.what(), "missing/trace.json"));
}

TEST(TraceSpan, DoesNothingWithoutAWriter) {
  TraceSpan span(nullptr, "step", "step");

  span.argument("bytes", 1);
  span.end();
}

TEST(TraceSpan, EndsOnceOnly) {
  const TemporaryFolder folder;
  TraceWriter writer(folder / "trace.json", 0, "rank 0");
  {
    TraceSpan span(&writer, "reduction", "communication");
    span.end();
  }

  writer.write();

  EXPECT_EQ(read_trace(folder / "trace.json")["otherData"]["spans"], 1);
}

}  // namespace
}  // namespace pathline
