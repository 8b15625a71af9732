// `pathline sample` and `sweep` on a real (small, untrained) network's checkpoint, run as programs.

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/durable_file.h"
#include "flow/networks/network.h"
#include "flow/networks/unet/unet_settings.h"
#include "tests/core/expect_error.h"
#include "tests/core/temporary_folder.h"
#include "trainer/checkpoint/checkpoint.h"

namespace pathline::sampling {
namespace {

using test::contains;

struct Ended {
  int code = -1;
  std::string out, err;
};

/// A folder with a checkpoint of a class-conditional network in "run".
class CheckpointSampling : public ::testing::Test {
 protected:
  CheckpointSampling() {
    flow::UNetSettings options;
    options.channels = 32;
    options.channel_mult = {1, 1};
    options.attention = {4};
    options.head_channels = 32;
    const flow::NetworkSettings settings =
        flow::unet_settings(options, SampleShape::picture(1, 8, 8), flow::label_condition(3, true));
    const auto network = flow::make_network(settings, 1);
    // A fresh network of this kind answers zero; other weights make a field that bends.
    torch::manual_seed(1);
    const torch::NoGradGuard no_gradients;
    for (auto& parameter : network->parameters()) parameter.add_(0.05 * torch::randn_like(parameter));
    CheckpointContents contents;
    contents.state.step = 7;
    contents.model.network = settings;
    contents.model.class_names = {"a", "b", "c"};
    contents.model.mean = contents.model.scale = {127.5};
    contents.ema = flow::named_state(*network);
    // The raw weights are those of a training run that blew up.
    for (const auto& [name, tensor] : contents.ema) contents.weights.emplace_back(name, tensor.clone());
    contents.weights.back().second.fill_(std::nan(""));
    contents.config_ini = "# made by a test\n";
    std::filesystem::create_directory(folder_ / "run");
    write_checkpoint(folder_ / "run", contents);
  }

  /// Runs `command` in a shell inside the folder.
  Ended shell(const std::string& command) const {
    const std::string line = "cd '" + folder_.path().string() + "' && { " + command + "; } >out.txt 2>err.txt";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(folder_ / "out.txt"),
            read_file(folder_ / "err.txt")};
  }
  Ended pathline(const std::string& arguments) const {
    return shell("PATHLINE_SOLVER_PATH= '" PATHLINE_PROGRAM "' " + arguments);
  }

  std::vector<float> raw(const std::string& file) const {
    std::vector<float> values(10 * 64);
    const hid_t opened = H5Fopen((folder_ / file).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(opened, "/samples/raw", H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    EXPECT_EQ(H5Sget_simple_extent_npoints(space), static_cast<hssize_t>(values.size()));
    EXPECT_GE(H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(opened);
    return values;
  }

  test::TemporaryFolder folder_;
};

constexpr const char* sample_heun = "sample run --solver heun --steps 3 --count 10 --batch 4 --threads 1 ";

TEST_F(CheckpointSampling, DrawsTheSameSamplesEveryTime) {
  const Ended first = pathline(std::string(sample_heun) + "--out a.h5 --png a.png");
  const Ended second = pathline(std::string(sample_heun) + "--out b.h5");

  ASSERT_EQ(first.code, 0) << first.err;
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(raw("a.h5"), raw("b.h5"));
  EXPECT_TRUE(contains(first.out, "evaluations  6 per sample, 6 network passes"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "a.png"));
}

TEST_F(CheckpointSampling, TwoRanksGiveTheBitsOfOne) {
  if (std::system("command -v mpirun >/dev/null 2>&1") != 0) GTEST_SKIP() << "no mpirun";
  const std::string mpirun =
      std::string("mpirun -n 2 --timeout 120 --oversubscribe ") + (geteuid() == 0 ? "--allow-run-as-root " : "");

  const Ended alone = pathline(std::string(sample_heun) + "--out a.h5");
  const Ended together = shell(mpirun + "'" PATHLINE_PROGRAM "' " + sample_heun + "--out b.h5");

  ASSERT_EQ(alone.code, 0) << alone.err;
  ASSERT_EQ(together.code, 0) << together.err;
  EXPECT_EQ(raw("a.h5"), raw("b.h5"));
}

TEST_F(CheckpointSampling, LabelChangesTheSamples) {
  const Ended zero = pathline(std::string(sample_heun) + "--label 0 --out a.h5");
  const Ended one = pathline(std::string(sample_heun) + "--label 1 --out b.h5");

  ASSERT_EQ(zero.code, 0) << zero.err;
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_NE(raw("a.h5"), raw("b.h5"));
}

TEST_F(CheckpointSampling, GuidanceDoublesTheNetworkPasses) {
  const Ended guided = pathline(std::string(sample_heun) + "--guidance 2 --out a.h5");

  ASSERT_EQ(guided.code, 0) << guided.err;
  EXPECT_TRUE(contains(guided.out, "evaluations  6 per sample, 12 network passes"));
}

TEST_F(CheckpointSampling, Bf16IsCloseToFp32) {
  const Ended full = pathline(std::string(sample_heun) + "--out a.h5");
  const Ended half = pathline(std::string(sample_heun) + "--precision bf16 --out b.h5");

  ASSERT_EQ(full.code, 0) << full.err;
  ASSERT_EQ(half.code, 0) << half.err;
  const std::vector<float> a = raw("a.h5"), b = raw("b.h5");
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - b[i]));
    scale = std::max(scale, std::abs(static_cast<double>(a[i])));
  }
  EXPECT_GT(largest, 0);
  EXPECT_LT(largest, 0.05 * scale);
}

TEST_F(CheckpointSampling, RefusesALabelThatTheNetworkLacks) {
  const Ended ended = pathline(std::string(sample_heun) + "--label 3 --out a.h5");

  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "--label"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.h5"));
}

TEST_F(CheckpointSampling, NonFiniteVelocityEndsWithCodeFiveAndNothingWritten) {
  const Ended ended = pathline(std::string(sample_heun) + "--weights raw --out a.h5");

  EXPECT_EQ(ended.code, 5);
  EXPECT_TRUE(contains(ended.err, "first non-finite velocity at t = 0 in samples 0, 1, 2, 3"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.h5"));
}

TEST_F(CheckpointSampling, RefusesDoublePrecisionForANetwork) {
  const Ended ended = pathline(std::string(sample_heun) + "--dtype float64 --out a.h5");

  EXPECT_EQ(ended.code, 2);
  EXPECT_TRUE(contains(ended.err, "--dtype"));
}

TEST_F(CheckpointSampling, SweepMeasuresAgainstATightSolution) {
  const Ended ended = pathline("sweep run --solvers euler,heun --steps 4,8 --count 6 --threads 1 --out sweep");

  ASSERT_EQ(ended.code, 0) << ended.err;
  std::ifstream csv(folder_ / "sweep/sweep.csv");
  std::vector<std::string> rows;
  for (std::string line; std::getline(csv, line);) rows.push_back(line);
  ASSERT_EQ(rows.size(), 5U);
  for (std::size_t i = 1; i < rows.size(); ++i)
    EXPECT_TRUE(contains(rows[i], "dopri5 with rtol = atol = 1e-06")) << rows[i];
  const auto rms = [&](std::size_t row) {
    std::stringstream fields(rows[row]);
    std::string field;
    for (int i = 0; i < 15; ++i) std::getline(fields, field, ',');
    return std::stod(field);
  };
  EXPECT_LT(rms(2), rms(1));  // Euler, 8 steps against 4
  EXPECT_LT(rms(4), rms(3));  // Heun
  EXPECT_LT(rms(4), rms(2));  // Heun against Euler at 8 steps
}

}  // namespace
}  // namespace pathline::sampling
