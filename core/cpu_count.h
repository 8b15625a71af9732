#pragma once
// How many CPUs this process may keep busy: not those of the machine, but those that a scheduler, a container or the
// user has left to it. Every default number of threads in the program comes from here.
// Thread-safety: reads the process's state and the environment.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pathline {

/// One character per CPU of the machine: '1' where this process may run (sched_getaffinity; `taskset`, Slurm, mpirun
/// --bind-to, a container's --cpuset-cpus). "1" if the system does not say.
std::string affinity_mask();
/// CPUs in such a mask.
int cpus_in(const std::string& mask);
/// CPUs in one mask or the other.
std::string united_masks(std::string a, const std::string& b);

/// A limit on CPU time per time: 2.5 is what two and a half CPUs give.
struct CpuQuota {
  double cpus;
  std::string group;  ///< the control group that sets it; processes with the same one share it
};
/// The tightest quota of this process's control groups and those above them, versions 1 and 2 (docker --cpus,
/// Kubernetes limits, systemd CPUQuota); nothing where there is none. `root` stands for `/`, for tests.
std::optional<CpuQuota> cpu_quota(const std::filesystem::path& root = "/");

/// What one process may use.
struct CpuShare {
  std::string mask;
  std::optional<CpuQuota> quota;
};
CpuShare cpu_share_of_this_process();
/// CPUs that processes of one machine may use together: those of the union of their masks, and no more than the sum of
/// their quotas, rounded up, where each has one; a quota that several share counts once. At least 1.
int usable_cpus(const std::vector<CpuShare>& processes);
/// For this process alone.
int usable_cpus();

/// Threads for each of `processes` of ours that share `cpus` CPUs: an even share, at least 1, and no more than
/// OMP_NUM_THREADS where that is set.
int threads_per_process(int cpus, int processes = 1);

}  // namespace pathline
