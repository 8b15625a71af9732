#include "trainer/run_facts.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include "flow/time_law.h"
#include "trainer/progress.h"

namespace pathline {
namespace {

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// One character per core of this machine: '1' where this process may run.
std::string affinity() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  std::string mask;
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return mask;
  for (int core = 0; core < CPU_SETSIZE; ++core) mask += CPU_ISSET(static_cast<std::size_t>(core), &cores) ? '1' : '0';
  return mask;
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

}  // namespace

int host_cores(parallel::Communicator& communicator) {
  const std::string host = host_name();
  std::string all;
  for (const std::string& text : communicator.all_gather(host + "\n" + affinity())) {
    const std::size_t end = text.find('\n');
    if (text.substr(0, end) != host) continue;
    const std::string mask = text.substr(end + 1);
    all.resize(std::max(all.size(), mask.size()), '0');
    for (std::size_t i = 0; i < mask.size(); ++i) all[i] = std::max(all[i], mask[i]);
  }
  return std::max<int>(1, static_cast<int>(std::count(all.begin(), all.end(), '1')));
}

Facts collect_facts(const RunConfig& run, const data::ShardSet& data, std::int64_t parameters, const TrainState& state,
                    parallel::Communicator& communicator, const std::string& device) {
  const std::vector<std::string> hosts = communicator.all_gather(host_name());
  const data::DatasetInfo& info = data.info();
  const auto images = run.steps * run.global_batch;
  const auto micro_batches = run.global_batch / run.micro_batch;
  const bool cosine = run.learning_rate.schedule == "cosine";
  Facts facts;
  const auto add = [&](const char* name, std::string text) { facts.emplace_back(name, std::move(text)); };
  add("data", fmt::format("{}: {} {}, {} images {}x{}x{} {}, hash {}", run.shards.string(), info.name, info.split,
                          grouped(data.size()), info.shape.channels, info.shape.height, info.shape.width, info.dtype,
                          data.content_hash().substr(0, 12)));
  add("network",
      fmt::format("{}, {} parameters, {}{}", run.network.kind, grouped(static_cast<std::uint64_t>(parameters)),
                  run.network.classes > 0 ? fmt::format("{} classes", run.network.classes) : "unconditional",
                  run.network.null_class ? " and none" : ""));
  add("flow", fmt::format("{} path, times {}, loss: velocity, weight 1{}{}", run.path,
                          flow::TimeLaw::from_name(run.time_law, run.time_mean, run.time_std).describe(),
                          run.label_drop > 0 ? fmt::format(", labels dropped {:g}", run.label_drop) : "",
                          run.flip ? ", mirrored half of the time" : ""));
  add("batch", fmt::format("global {} images = {} micro-batches of {}, over {} ranks", run.global_batch, micro_batches,
                           run.micro_batch, communicator.size()));
  add("length", fmt::format("{} steps = {} images = {:.2f} epochs", grouped(run.steps), grouped(images),
                            static_cast<double>(images) / static_cast<double>(data.size())));
  add("start", state.step == 0 && state.position == 0
                   ? std::string("from the beginning")
                   : fmt::format("step {} = {} images", grouped(state.step), grouped(state.position)));
  add("optimizer",
      fmt::format("AdamW lr {} {}{}, warm-up {} steps, betas {} {}, eps {}, weight decay {}, clip {}",
                  number(run.learning_rate.peak), run.learning_rate.schedule,
                  cosine ? fmt::format(" to {:g} of it", run.learning_rate.final_fraction) : "",
                  run.learning_rate.warmup_steps, number(run.adamw.beta1), number(run.adamw.beta2),
                  number(run.adamw.eps), number(run.adamw.weight_decay), run.clip > 0 ? number(run.clip) : "off"));
  add("ema", run.ema_halflife > 0
                 ? fmt::format("half-life {} images{}", number(run.ema_halflife),
                               run.ema_ramp > 0 ? fmt::format(", at most {:g} of images seen", run.ema_ramp) : "")
                 : std::string("off"));
  add("compute", fmt::format("{}, {}, {} threads per rank", device, run.bf16 ? "bf16 autocast" : "fp32", run.threads));
  add("parallel", fmt::format("{}: {} ranks ({}), {} reduction, {}{}{}, timeout {} s", communicator.name(),
                              communicator.size(), hosts_text(hosts), run.reduction,
                              run.overlap ? "during backward" : "after backward", run.bf16_wire ? ", bf16 wire" : "",
                              run.shard_optimizer ? ", sharded optimizer" : "", number(run.timeout)));
  add("checkpoints", fmt::format("{}: {}, the last {} kept{}", run.checkpoint_dir.string(),
                                 every(run.checkpoint_every, run.global_batch, "at the end"), run.keep,
                                 run.checkpoint_async ? ", written in the background" : ""));
  add("log", fmt::format("{}: {}; previews {}", run.log_dir.string(), every(run.log_every, run.global_batch, "never"),
                         every(run.preview_every, run.global_batch, "never")));
  return facts;
}

std::string facts_table(const Facts& facts, const Config& config) {
  std::string table;
  for (const auto& [name, text] : facts) table += fmt::format("  {:<12}  {}\n", name, text);
  std::string section;
  for (const ConfigKey& key : train_schema().keys()) {
    const std::string this_section = key.name.substr(0, key.name.find('.'));
    if (this_section != section) {
      section = this_section;
      table += fmt::format("{}  {:<12} ", table.back() == '\n' ? "" : "\n", "[" + section + "]");
    }
    table += fmt::format(" {}={}", key.name.substr(section.size() + 1), setting_text(config, key));
  }
  return table;
}

}  // namespace pathline
