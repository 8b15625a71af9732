#include "core/cpu_count.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

#include <sched.h>

#include "core/durable_file.h"
#include "core/error.h"

namespace pathline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestText = 1 << 20;

/// A file of /proc or /sys; "" where it cannot be read.
std::string text_of(const fs::path& file) {
  try {
    return read_file(file, kLargestText);
  } catch (const Error&) {
    return "";
  }
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool lists(const std::string& names, const std::string& name) {
  const std::vector<std::string> all = split(names, ',');
  return std::find(all.begin(), all.end(), name) != all.end();
}

/// Where the control groups of one hierarchy are to be seen: `root` of it is mounted at `place`.
struct Mount {
  fs::path place;
  std::string root;
};

/// The mount of version 2, or of version 1's controller `cpu` (proc_pid_mountinfo(5): fields 4 and 5 are root and mount
/// point; after " - " come type, source and options).
std::optional<Mount> find_mount(const std::string& mountinfo, bool version2) {
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const std::vector<std::string> before = split(line.substr(0, dash), ' '), after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3) continue;
    const bool fits = version2 ? after[0] == "cgroup2" : after[0] == "cgroup" && lists(after[2], "cpu");
    if (fits) return Mount{before[4], before[3]};
  }
  return {};
}

/// The group of this process in that hierarchy, as a path (proc_pid_cgroup(5): number:controllers:path).
std::optional<std::string> find_group(const std::string& cgroup, bool version2) {
  for (const std::string& line : split(cgroup, '\n')) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version2 ? line.substr(0, first) == "0" && controllers.empty() : lists(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return {};
}

/// "200000 100000" is two CPUs; anything but two positive numbers (max, -1, nothing) is no limit.
std::optional<double> ratio_of(const std::string& quota, const std::string& period) {
  const double most = std::strtod(quota.c_str(), nullptr), per = std::strtod(period.c_str(), nullptr);
  if (!std::isfinite(most) || !(most > 0) || !(per > 0)) return {};
  return most / per;
}

std::optional<double> limit_of(const fs::path& group, bool version2) {
  if (!version2) return ratio_of(text_of(group / "cpu.cfs_quota_us"), text_of(group / "cpu.cfs_period_us"));
  const std::vector<std::string> parts = split(text_of(group / "cpu.max"), ' ');
  return parts.size() == 2 ? ratio_of(parts[0], parts[1]) : std::nullopt;
}

/// The names from the mount point down to the process's group. In a container the path may be that of the host, of
/// which the mount shows the end only.
std::vector<std::string> names_below(const Mount& mount, const std::string& group) {
  std::string below = group;
  if (mount.root != "/" && group.compare(0, mount.root.size(), mount.root) == 0)
    below = group.substr(mount.root.size());
  std::vector<std::string> names;
  for (const std::string& name : split(below, '/')) {
    if (name == "..") return {};  // outside of what this process may see
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

std::optional<CpuQuota> quota_of(const fs::path& root, bool version2) {
  const auto mount = find_mount(text_of(root / "proc/self/mountinfo"), version2);
  const auto group = find_group(text_of(root / "proc/self/cgroup"), version2);
  if (!mount || !group) return {};
  std::optional<CpuQuota> tightest;
  fs::path place = root / mount->place.relative_path();
  const auto look_at = [&] {
    const std::optional<double> limit = limit_of(place, version2);
    if (limit && (!tightest || *limit < tightest->cpus)) tightest = CpuQuota{*limit, place.string()};
  };
  look_at();
  for (const std::string& name : names_below(*mount, *group)) {
    place /= name;
    look_at();
  }
  return tightest;
}

/// The first number of OMP_NUM_THREADS, which may list one per level of nesting; nothing if it is not set, or not one.
std::optional<int> omp_num_threads() {
  const char* const text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return {};
  char* end = nullptr;
  const long number = std::strtol(text, &end, 10);
  if (end == text || number < 1) return {};
  return static_cast<int>(std::min(number, 1L << 20));
}

}  // namespace

std::string affinity_mask() {
  constexpr int kMostCpus = 1 << 20;
  for (int cpus = CPU_SETSIZE; cpus <= kMostCpus; cpus *= 2) {  // EINVAL: the machine has more
    const auto deleter = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(deleter)> set(CPU_ALLOC(static_cast<std::size_t>(cpus)), deleter);
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    if (!set) break;
    CPU_ZERO_S(bytes, set.get());
    if (::sched_getaffinity(0, bytes, set.get()) != 0) {
      if (errno == EINVAL) continue;
      break;
    }
    std::string mask;
    for (int cpu = 0; cpu < cpus; ++cpu)
      mask += CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set.get()) ? '1' : '0';
    mask.resize(mask.find_last_of('1') + 1);
    if (!mask.empty()) return mask;
    break;
  }
  return "1";
}

int cpus_in(const std::string& mask) {
  return static_cast<int>(std::count(mask.begin(), mask.end(), '1'));
}

std::string united_masks(std::string a, const std::string& b) {
  a.resize(std::max(a.size(), b.size()), '0');
  for (std::size_t i = 0; i < b.size(); ++i) a[i] = std::max(a[i], b[i]);
  return a;
}

std::optional<CpuQuota> cpu_quota(const fs::path& root) {
  const std::optional<CpuQuota> newer = quota_of(root, true), older = quota_of(root, false);
  if (!newer || !older) return newer ? newer : older;
  return newer->cpus <= older->cpus ? newer : older;
}

CpuShare cpu_share_of_this_process() {
  return {affinity_mask(), cpu_quota()};
}

int usable_cpus(const std::vector<CpuShare>& processes) {
  std::string mask;
  std::map<std::string, double> quotas;  // by the group that sets them
  bool limited = true;
  for (const CpuShare& process : processes) {
    mask = united_masks(mask, process.mask);
    limited = limited && process.quota;
    if (process.quota) quotas[process.quota->group] = process.quota->cpus;
  }
  double cpus = cpus_in(mask);
  if (limited) {
    double all = 0;
    for (const auto& [group, quota] : quotas) all += quota;
    cpus = std::min(cpus, std::ceil(all));
  }
  return static_cast<int>(std::max(1.0, cpus));
}

int usable_cpus() {
  return usable_cpus({cpu_share_of_this_process()});
}

int threads_per_process(int cpus, int processes) {
  const int share = std::max(1, cpus / std::max(1, processes));
  return std::min(share, omp_num_threads().value_or(share));
}

}  // namespace pathline
