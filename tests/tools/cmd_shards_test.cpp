// `pathline shards` through the function that main() calls.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/shards/shard_set.h"
#include "tests/data/shards/shard_fixture.h"
#include "tools/commands.h"

namespace pathline::tools {
namespace {

using data::expect_error;
using data::TemporaryFolder;

class ShardsCommand : public testing::Test {
 protected:
  void SetUp() override {
    // Twelve images of 2 x 3 pixels with labels 0 ... 3.
    std::string images = {0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 3}, labels = {0, 0, 8, 1, 0, 0, 0, 12};
    for (int i = 0; i < 72; ++i) images += static_cast<char>(i * 3);
    for (int i = 0; i < 12; ++i) labels += static_cast<char>(i % 4);
    std::filesystem::create_directory(folder_ / "digits");
    data::write_bytes(folder_ / "digits/train-images-idx3-ubyte", images);
    data::write_bytes(folder_ / "digits/train-labels-idx1-ubyte", labels);
  }
  /// Exit code; what went to stdout is kept in output_.
  int run(const std::vector<std::string>& arguments) {
    CommandContext context;
    testing::internal::CaptureStdout();
    int code = -1;
    try {
      code = run_shards(arguments, context);
    } catch (...) {
      output_ = testing::internal::GetCapturedStdout();
      throw;
    }
    output_ = testing::internal::GetCapturedStdout();
    return code;
  }
  int create(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "create", "--from", "idx", "--input", (folder_ / "digits").string(), "--out", (folder_ / "out").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  TemporaryFolder folder_;
  std::string output_;
};

TEST_F(ShardsCommand, CreatesWhatTheReaderOpens) {
  EXPECT_EQ(create(), 0);

  const auto set = data::ShardSet::open(folder_ / "out", true);
  EXPECT_EQ(set.size(), 12u);
  EXPECT_EQ(set.info().name, "digits");
  EXPECT_EQ(set.info().class_names, (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(set.info().mean, std::vector<double>{127.5});
  std::vector<std::uint8_t> image(6);
  set.read_sample(11, image.data());
  EXPECT_EQ(image, (std::vector<std::uint8_t>{198, 201, 204, 207, 210, 213}));
}

TEST_F(ShardsCommand, CreatesAsToldByItsOptions) {
  EXPECT_EQ(create({"--limit", "7", "--shard-images", "3", "--name", "fashion"}), 0);

  const auto set = data::ShardSet::open(folder_ / "out");
  EXPECT_EQ(set.size(), 7u);
  EXPECT_EQ(set.info().shards.size(), 3u);
  EXPECT_EQ(set.info().class_names.at(1), "Trouser");
}

/// A .npy of version 1.
std::string npy(const std::string& descr, const std::string& shape, const std::string& values) {
  std::string dictionary = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + "}";
  dictionary.resize(117, ' ');
  return std::string("\x93NUMPY\1\0\x76\0", 10) + dictionary + "\n" + values;
}

TEST_F(ShardsCommand, CreatesConditionsFromOtherArrays) {
  const float params[] = {0.5f, 1, 2, -3, 4, 5};
  const std::string text(reinterpret_cast<const char*>(params), sizeof params);
  data::write_bytes(folder_ / "x.npy", npy("|u1", "(3, 1, 2)", "abcdef"));
  data::write_bytes(folder_ / "params.npy", npy("<f4", "(3, 2)", text));
  data::write_bytes(folder_ / "suite.npy", npy("|u1", "(3,)", std::string("\1\0\1", 3)));
  const std::vector<std::string> arguments = {"create",
                                              "--from",
                                              "npy",
                                              "--input",
                                              (folder_ / "x.npy").string(),
                                              "--out",
                                              (folder_ / "out").string(),
                                              "--condition",
                                              "suite=" + (folder_ / "suite.npy").string(),
                                              "--condition",
                                              "params=" + (folder_ / "params.npy").string()};

  EXPECT_EQ(run(arguments), 0);

  EXPECT_NE(output_.find("0 classes, conditions suite, params"), std::string::npos) << output_;
  const auto set = data::ShardSet::open(folder_ / "out", true);
  ASSERT_EQ(set.info().conditions.size(), 2u);
  EXPECT_EQ(set.info().conditions[0].field.classes, 2);
  float pair[2];
  set.read_condition(1, 1, pair);
  EXPECT_EQ(pair[0], 2);
  EXPECT_EQ(pair[1], -3);
  EXPECT_EQ(run({"info", (folder_ / "out").string()}), 0);
  EXPECT_NE(output_.find("suite: label of 2 classes"), std::string::npos) << output_;
  EXPECT_NE(output_.find("params: vector of 2 float32"), std::string::npos) << output_;
  EXPECT_EQ(run({"info", (folder_ / "out").string(), "--json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(output_)["conditions"][1]["sizes"], std::vector<int>{2});
}

TEST_F(ShardsCommand, RefusesConditionsThatAreMistyped) {
  data::write_bytes(folder_ / "x.npy", npy("|u1", "(3, 1, 2)", "abcdef"));
  const auto refused = [&](const std::vector<std::string>& conditions, const std::string& words) {
    std::vector<std::string> arguments = {
        "create", "--from", "npy", "--input", (folder_ / "x.npy").string(), "--out", (folder_ / "out").string()};
    for (const std::string& condition : conditions) arguments.insert(arguments.end(), {"--condition", condition});
    expect_error(ExitCode::usage, {"--condition", words}, [&] { run(arguments); });
  };
  const std::string file = (folder_ / "x.npy").string();

  refused({"params"}, "expected NAME=WHERE");
  refused({"params="}, "expected NAME=WHERE");
  refused({"=" + file}, "cannot be the name");
  refused({"a/b=" + file}, "'a/b' cannot be the name");
  refused({"label=" + file}, "cannot be called label");
  refused({"a=" + file, "a=" + file}, "two conditions have the name 'a'");
  expect_error(ExitCode::usage, {"condition", "npy, npz and hdf5"}, [&] { create({"--condition", "a=" + file}); });
}

TEST_F(ShardsCommand, PrintsOneLineOfResult) {
  create();

  EXPECT_EQ(std::count(output_.begin(), output_.end(), '\n'), 1) << output_;
}

TEST_F(ShardsCommand, RefusesAnExistingFolder) {
  create();

  expect_error(ExitCode::usage, {"out"}, [&] { create(); });
}

TEST_F(ShardsCommand, LeavesNothingAfterADamagedInput) {
  std::filesystem::resize_file(folder_ / "digits/train-images-idx3-ubyte", 50);

  expect_error(ExitCode::bad_input, {"train-images", "image 5 of 12"}, [&] { create({"--shard-images", "2"}); });

  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1) << "only the input may be there";
}

TEST_F(ShardsCommand, RefusesMistakenOptions) {
  expect_error(ExitCode::usage, {"limit"}, [&] { create({"--limit", "0"}); });
  expect_error(ExitCode::usage, {"limit"}, [&] { create({"--limit", "-1"}); });
  expect_error(ExitCode::usage, {"--shard-images"}, [&] { create({"--shard-image", "3"}); });
  expect_error(ExitCode::usage, {"split"}, [&] { create({"--split", "both"}); });
  expect_error(ExitCode::usage, {"from"}, [&] { run({"create", "--from", "tape", "--input", "x", "--out", "y"}); });
  expect_error(ExitCode::usage, {"create"}, [&] { run({"crate"}); });
  expect_error(ExitCode::usage, {}, [&] { run({"info"}); });
}

TEST_F(ShardsCommand, InfoTellsTheContents) {
  create();

  EXPECT_EQ(run({"info", (folder_ / "out").string()}), 0);

  for (const char* word : {"digits (train)", "12", "2 x 3 pixels", "uint8", "(value - 127.5) / 127.5", "3 images"}) {
    EXPECT_NE(output_.find(word), std::string::npos) << word << " in " << output_;
  }
}

TEST_F(ShardsCommand, InfoAsJsonParses) {
  create();

  EXPECT_EQ(run({"info", (folder_ / "out").string(), "--json"}), 0);

  const auto json = nlohmann::json::parse(output_);
  EXPECT_EQ(json["images"], 12);
  EXPECT_EQ(json["shape"], (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(json["classes"][0]["images"], 3);
}

TEST_F(ShardsCommand, InfoMeasuresTheValues) {
  create();

  EXPECT_EQ(run({"info", (folder_ / "out").string(), "--stats", "--json"}), 0);

  const auto json = nlohmann::json::parse(output_)["statistics"];  // of 0, 3, 6 … 213
  EXPECT_EQ(json["mean"], std::vector<double>{106.5});
  EXPECT_NEAR(json["deviation"][0].get<double>(), 3 * std::sqrt((72.0 * 72 - 1) / 12), 1e-9);
  EXPECT_EQ(json["smallest"], std::vector<double>{0});
  EXPECT_EQ(json["largest"], std::vector<double>{213});
}

TEST_F(ShardsCommand, InfoDrawsASheetOfPictures) {
  create();

  EXPECT_EQ(run({"info", (folder_ / "out").string(), "--png", (folder_ / "sheet.png").string()}), 0);

  EXPECT_EQ(data::read_bytes(folder_ / "sheet.png").substr(1, 3), "PNG");
  expect_error(ExitCode::file_system, {"nowhere"}, [&] {
    run({"info", (folder_ / "out").string(), "--png", (folder_ / "nowhere/x.png").string()});
  });
}

TEST_F(ShardsCommand, StatisticsOfDamagedImagesAreRefused) {
  create();
  const std::string bytes = data::read_bytes(folder_ / "out/shard-00000.h5");
  data::flip(folder_ / "out/shard-00000.h5", bytes.find(std::string("\x12\x15\x18\x1b", 4)));

  expect_error(ExitCode::bad_input, {"sample 1 is damaged"}, [&] {
    run({"info", (folder_ / "out").string(), "--stats"});
  });
}

TEST_F(ShardsCommand, VerifyNamesTheFileAndTheImage) {
  create({"--shard-images", "5"});
  const std::string bytes = data::read_bytes(folder_ / "out/shard-00001.h5");
  data::flip(folder_ / "out/shard-00001.h5", bytes.find(std::string("\x6c\x6f\x72\x75", 4)));  // image 6

  expect_error(ExitCode::bad_input, {"2 problems"}, [&] {
    run({"verify", (folder_ / "out").string(), "--threads", "3"});
  });

  EXPECT_NE(output_.find("shard-00001.h5:/images[1]: sample 6 is damaged"), std::string::npos) << output_;
  EXPECT_NE(output_.find("shard-00001.h5: expected SHA-256"), std::string::npos) << output_;
}

TEST_F(ShardsCommand, VerifyIsContentWithAWholeFolder) {
  create();

  EXPECT_EQ(run({"verify", (folder_ / "out").string()}), 0);

  EXPECT_NE(output_.find("all 12 samples in 1 shard"), std::string::npos) << output_;
}

TEST_F(ShardsCommand, VerifyListsProblemsAndFails) {
  create({"--shard-images", "5"});
  std::filesystem::remove(folder_ / "out/shard-00000.h5");
  std::filesystem::resize_file(folder_ / "out/shard-00002.h5", 100);

  expect_error(ExitCode::bad_input, {"2 problems"}, [&] { run({"verify", (folder_ / "out").string()}); });

  EXPECT_NE(output_.find("shard-00000.h5: this shard is missing"), std::string::npos) << output_;
  EXPECT_NE(output_.find("shard-00002.h5: the file is truncated"), std::string::npos) << output_;
}

TEST_F(ShardsCommand, EveryLevelHasHelp) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"create", "--help"}, {"info", "--help"}, {"verify", "--help"}}) {
    EXPECT_EQ(run(arguments), 0);
    EXPECT_NE(output_.find("pathline shards"), std::string::npos) << output_;
  }
}

}  // namespace
}  // namespace pathline::tools
