#include "core/cpu_count.h"

#include <optional>

#include <gtest/gtest.h>
#include <sched.h>

#include "core/durable_file.h"
#include "tests/core/environment_variable.h"
#include "tests/core/temporary_folder.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

/// A tree with the files of /proc and /sys that say what a container or a scheduler allows.
class FakeSystem : public ::testing::Test {
 protected:
  void write(const fs::path& file, const std::string& text) {
    make_folder((root_ / file.string()).parent_path());
    write_file_durably(root_ / file.string(), text);
  }
  void version2(const std::string& group, const std::string& mount_root = "/") {
    write("proc/self/cgroup", "0::" + group + "\n");
    write("proc/self/mountinfo",
          "22 27 0:21 / /sys rw shared:7 - sysfs sysfs rw\n"
          "30 23 0:26 " +
              mount_root + " /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n");
  }
  void version1(const std::string& group, const std::string& mount_root = "/") {
    write("proc/self/cgroup", "5:cpuset:/elsewhere\n4:cpu,cpuacct:" + group + "\n0::/\n");
    write("proc/self/mountinfo",
          "31 25 0:27 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
          "33 25 0:29 " +
              mount_root + " /sys/fs/cgroup/cpu,cpuacct rw shared:14 - cgroup cgroup rw,cpu,cpuacct\n");
  }
  std::optional<double> quota() const {
    const auto found = cpu_quota(root_.path());
    return found ? std::optional(found->cpus) : std::nullopt;
  }
  TemporaryFolder root_;
};

TEST_F(FakeSystem, Version2SaysQuotaAndPeriodInOneFile) {
  version2("/job");
  write("sys/fs/cgroup/job/cpu.max", "250000 100000\n");

  EXPECT_EQ(quota(), 2.5);
}

TEST_F(FakeSystem, Version2WithoutALimitSaysMax) {
  version2("/job");
  write("sys/fs/cgroup/job/cpu.max", "max 100000\n");

  EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(FakeSystem, TheTightestOfNestedGroupsCounts) {
  version2("/slurm/job_7/step_0");
  write("sys/fs/cgroup/cpu.max", "3200000 100000\n");
  write("sys/fs/cgroup/slurm/cpu.max", "max 100000\n");
  write("sys/fs/cgroup/slurm/job_7/cpu.max", "200000 50000\n");
  write("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "800000 100000\n");

  const auto found = cpu_quota(root_.path());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->cpus, 4);
  EXPECT_EQ(fs::path(found->group).filename(), "job_7");
}

TEST_F(FakeSystem, AContainerSeesItsOwnGroupAtTheMountPoint) {
  version2("/");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");

  EXPECT_EQ(quota(), 0.5);
}

TEST_F(FakeSystem, Version1SaysItInTwoFiles) {
  version1("/batch/job");
  write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us", "800000\n");
  write("sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us", "100000\n");

  EXPECT_EQ(quota(), 8);
}

TEST_F(FakeSystem, APathOfTheHostIsReadFromWhereTheContainerMountsIt) {
  version1("/docker/5f3c", "/docker/5f3c");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");

  EXPECT_EQ(quota(), 1.5);
}

TEST_F(FakeSystem, NothingReadableOrNonsenseIsNoLimit) {
  EXPECT_EQ(quota(), std::nullopt);
  version2("/../../other");
  EXPECT_EQ(quota(), std::nullopt);
  version2("/job");
  for (const char* text : {"", "100000", "0 100000", "100000 0", "-5 10", "many few", "nan 1", "inf 1"}) {
    write("sys/fs/cgroup/job/cpu.max", text);
    EXPECT_EQ(quota(), std::nullopt) << text;
  }
}

TEST(UsableCpus, AMaskNarrowsThem) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);

  const int usable = usable_cpus();
  ::sched_setaffinity(0, sizeof before, &before);

  EXPECT_EQ(usable, 1);
}

TEST(UsableCpus, AQuotaIsRoundedUpAndBoundedByTheMask) {
  EXPECT_EQ(usable_cpus({{"11111111", CpuQuota{2.5, "a"}}}), 3);
  EXPECT_EQ(usable_cpus({{"11111111", CpuQuota{0.2, "a"}}}), 1);
  EXPECT_EQ(usable_cpus({{"0110", CpuQuota{16, "a"}}}), 2);
  EXPECT_EQ(usable_cpus({{"0110", std::nullopt}}), 2);
}

TEST(UsableCpus, OfSeveralProcessesAreThoseOfAllMasks) {
  EXPECT_EQ(usable_cpus({{"1100", {}}, {"0110", {}}}), 3);
  EXPECT_EQ(usable_cpus({{"1", {}}, {"00000001", {}}}), 2);
}

TEST(UsableCpus, AQuotaCountsOnceForThoseWhoShareIt) {
  const std::string all(32, '1');
  EXPECT_EQ(usable_cpus({{all, CpuQuota{4, "pod"}}, {all, CpuQuota{4, "pod"}}}), 4);
  EXPECT_EQ(usable_cpus({{all, CpuQuota{4, "one"}}, {all, CpuQuota{4, "two"}}}), 8);
  EXPECT_EQ(usable_cpus({{all, CpuQuota{4, "one"}}, {all, {}}}), 32);
}

class OmpNumThreads : public ::testing::Test {
 protected:
  test::EnvironmentVariable threads_{"OMP_NUM_THREADS"};
};

TEST_F(OmpNumThreads, NotSetLeavesAnEvenShareOfAtLeastOne) {
  EXPECT_EQ(threads_per_process(8), 8);
  EXPECT_EQ(threads_per_process(8, 3), 2);
  EXPECT_EQ(threads_per_process(2, 4), 1);
}

TEST_F(OmpNumThreads, LowersTheShareAndNeverRaisesIt) {
  threads_.set("3");
  EXPECT_EQ(threads_per_process(8), 3);
  EXPECT_EQ(threads_per_process(8, 4), 2);
  threads_.set("6,2");  // one per level of nesting
  EXPECT_EQ(threads_per_process(8), 6);
}

TEST_F(OmpNumThreads, ThatIsNoNumberIsAsIfNotSet) {
  for (const char* text : {"", "all", "0", "-4"}) {
    threads_.set(text);
    EXPECT_EQ(threads_per_process(8), 8) << text;
  }
}

}  // namespace
}  // namespace pathline
