#include "trainer/log/run_facts.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/cpu_count.h"
#include "core/log.h"
#include "core/number_text.h"
#include "flow/flow_spec.h"

namespace pathline {
namespace {

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string number(double value) {
  return fmt::format("{:g}", value);
}

std::string hosts_text(const std::vector<std::string>& hosts) {
  std::map<std::string, int> counts;
  for (const std::string& host : hosts) ++counts[host];
  std::string text;
  for (const auto& [host, count] : counts) text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", count, host);
  return text;
}

std::string every(std::uint64_t steps, std::uint64_t batch, const char* never) {
  return steps == 0 ? std::string(never)
                    : fmt::format("every {} steps = {} images", grouped(steps), grouped(steps * batch));
}

/// What the samples could be conditioned on beside their label.
std::string unused_conditions(const data::DatasetInfo& info) {
  std::string names;
  for (const data::ConditionArray& condition : info.conditions)
    names += (names.empty() ? "; conditions of the data not used: " : ", ") + condition.field.name;
  return names;
}

}  // namespace

int host_cores(parallel::Communicator& communicator) {
  const std::string host = host_name();
  const CpuShare mine = cpu_share_of_this_process();
  std::vector<CpuShare> here;
  for (const std::string& text :
       communicator.all_gather(fmt::format("{}\n{}\n{}\n{}", host, mine.mask, mine.quota ? mine.quota->cpus : 0.0,
                                           mine.quota ? mine.quota->group : ""))) {
    std::istringstream lines(text);
    std::string name, mask, cpus, group;
    for (std::string* line : {&name, &mask, &cpus, &group}) std::getline(lines, *line);
    if (name != host) continue;
    const double quota = std::strtod(cpus.c_str(), nullptr);
    here.push_back({mask, quota > 0 ? std::optional(CpuQuota{quota, group}) : std::nullopt});
  }
  return usable_cpus(here);
}

void warn_of_binding(const RunConfig& run, parallel::Communicator& communicator) {
  // Open MPI says so when it has bound a rank; a mask that a scheduler has set is no mistake.
  const bool bound = std::getenv("OMPI_MCA_orte_bound_at_launch") != nullptr;
  const std::vector<std::string> all = communicator.all_gather(
      fmt::format("{}\n{}\n{}\n{}", host_name(), affinity_mask(), bound ? 1 : 0, std::thread::hardware_concurrency()));
  if (communicator.rank() != 0) return;
  struct Host {
    std::string cores;
    int ranks = 0, online = 0;
  };
  std::map<std::string, Host> bound_hosts;
  std::string narrow;
  int fewest = run.train.threads;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    std::istringstream lines(all[rank]);
    std::string host, cores;
    int was_bound = 0, online = 0;
    lines >> host >> cores >> was_bound >> online;
    if (cpus_in(cores) < run.train.threads) {
      narrow += fmt::format("{}{}", narrow.empty() ? "" : ", ", rank);
      fewest = std::min(fewest, cpus_in(cores));
    }
    if (was_bound == 0) continue;
    Host& entry = bound_hosts[host];
    entry.cores = united_masks(entry.cores, cores);
    entry.online = online;
    ++entry.ranks;
  }
  if (!narrow.empty()) {
    log_warning(
        fmt::format("rank(s) {} may run on {} core(s) each but compute with {} threads; start mpirun with --bind-to "
                    "none or --map-by slot:PE={}, or lower train.threads",
                    narrow, fewest, run.train.threads, run.train.threads));
  }
  for (const auto& [host, entry] : bound_hosts) {
    if (cpus_in(entry.cores) >= entry.online) continue;
    log_warning(
        fmt::format("host {}: its {} rank(s) may run on {} of {} cores; mpirun binds one or two ranks to a core each "
                    "unless told --bind-to none",
                    host, entry.ranks, cpus_in(entry.cores), entry.online));
  }
}

Facts collect_facts(const RunConfig& run, const data::ShardSet& data, std::int64_t parameters, const TrainState& state,
                    parallel::Communicator& communicator, const std::string& device) {
  const std::vector<std::string> hosts = communicator.all_gather(host_name());
  const data::DatasetInfo& info = data.info();
  const auto images = run.train.steps * run.train.global_batch;
  const auto micro_batches = run.train.global_batch / run.train.micro_batch;
  const bool cosine = run.optimizer.learning_rate.schedule == "cosine";
  Facts facts;
  const auto add = [&](const char* name, std::string text) { facts.emplace_back(name, std::move(text)); };
  add("data",
      fmt::format(
          "{}: {} {}, {} {} {} {}, hash {}{}{}", run.data.shards.string(), info.name, info.split, grouped(data.size()),
          data::samples_noun(info.shape.kind()), fmt::join(info.shape.sizes(), "x"), info.dtype,
          data.content_hash().substr(0, 12), data.cached() ? ", kept in memory" : "",
          run.data.shuffle.window > 0 ? fmt::format(", shuffled in windows of {}", run.data.shuffle.window) : ""));
  add("network",
      fmt::format("{}, {} parameters, {}{}{}", run.network.kind, grouped(static_cast<std::uint64_t>(parameters)),
                  run.network.classes() > 0 ? fmt::format("{} classes", run.network.classes()) : "unconditional",
                  run.network.null_class() ? " and none" : "", unused_conditions(info)));
  const flow::FlowTraining& training = run.flow.training.value();
  add("flow",
      fmt::format("path {}, prediction {}, objective {}, times {}, coupling {}{}{}{}", run.flow.path->text(),
                  run.flow.prediction->text(), training.objective->text(), training.time->text(),
                  training.coupling->text(),
                  training.condition_drop > 0 ? fmt::format(", labels dropped {:g}", training.condition_drop) : "",
                  run.train.flip ? ", mirrored half of the time" : "",
                  run.train.crop_padding > 0 ? fmt::format(", padded by {} and cut", run.train.crop_padding) : ""));
  add("batch", fmt::format("global {} images = {} micro-batches of {}, over {} ranks", run.train.global_batch,
                           micro_batches, run.train.micro_batch, communicator.size()));
  add("length", fmt::format("{} steps = {} images = {:.2f} epochs", grouped(run.train.steps), grouped(images),
                            static_cast<double>(images) / static_cast<double>(data.size())));
  add("start", state.step == 0 && state.position == 0
                   ? std::string("from the beginning")
                   : fmt::format("step {} = {} images", grouped(state.step), grouped(state.position)));
  add("optimizer", fmt::format("{}, lr {} {}{}, warm-up {} steps, clip {}", run.optimizer.rule->describe(),
                               number(run.optimizer.learning_rate.peak), run.optimizer.learning_rate.schedule,
                               cosine ? fmt::format(" to {:g} of it", run.optimizer.learning_rate.final_fraction) : "",
                               run.optimizer.learning_rate.warmup_steps,
                               run.optimizer.clip > 0 ? number(run.optimizer.clip) : "off"));
  add("ema",
      run.train.ema_halflife > 0
          ? fmt::format("half-life {} images{}", number(run.train.ema_halflife),
                        run.train.ema_ramp > 0 ? fmt::format(", at most {:g} of images seen", run.train.ema_ramp) : "")
          : std::string("off"));
  add("compute",
      fmt::format("{}, {}, {} threads per rank", device, run.train.bf16 ? "bf16 autocast" : "fp32", run.train.threads));
  add("parallel", fmt::format("{}: {} ranks ({}), {} reduction, {}{}{}, timeout {} s", communicator.name(),
                              communicator.size(), hosts_text(hosts), run.parallel.reduction,
                              run.parallel.overlap ? "during backward" : "after backward",
                              run.parallel.compress_gradients ? ", sent as bf16" : "",
                              run.parallel.shard_optimizer ? ", sharded optimizer" : "", number(run.parallel.timeout)));
  add("checkpoints", fmt::format("{}: {}, the last {} kept{}", run.checkpoint.dir.string(),
                                 every(run.checkpoint.every, run.train.global_batch, "at the end"), run.checkpoint.keep,
                                 run.checkpoint.async ? ", written in the background" : ""));
  add("log",
      fmt::format("{}: {}; previews {}", run.log.dir.string(), every(run.log.every, run.train.global_batch, "never"),
                  every(run.log.preview_every, run.train.global_batch, "never")));
  return facts;
}

std::string facts_table(const Facts& facts, const Config& config) {
  std::string table;
  for (const auto& [name, text] : facts) table += fmt::format("  {:<12}  {}\n", name, text);
  std::string section;
  for (const ConfigKey* key : config.keys()) {
    const std::string this_section(section_part(key->name));
    if (this_section != section) {
      section = this_section;
      table += fmt::format("{}  {:<12} ", table.back() == '\n' ? "" : "\n", "[" + section + "]");
    }
    table += fmt::format(" {}={}", key_part(key->name), config.value_text(key->name));
  }
  return table;
}

}  // namespace pathline
