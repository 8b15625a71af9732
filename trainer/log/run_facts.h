#pragma once
// What a training run should say about itself at the start: machines, threads, batches in all units, versions, resolved
// settings. Thread-safety: none needed; called once.

#include <string>
#include <utility>
#include <vector>

#include "core/config.h"
#include "data/shards/shard_set.h"
#include "trainer/checkpoint/checkpoint.h"
#include "trainer/parallel/communicator.h"
#include "trainer/run_config.h"

namespace pathline {

/// Cores that the ranks of this host may use together: affinity masks and CPU quotas (core/cpu_count.h). Collective.
int host_cores(parallel::Communicator& communicator);

using Facts = std::vector<std::pair<std::string, std::string>>;

/// Names and texts, in the order they are shown; the same go into metrics.jsonl. Collective (asks every rank for its
/// host).
Facts collect_facts(const RunConfig& run, const data::ShardSet& data, std::int64_t parameters, const TrainState& state,
                    parallel::Communicator& communicator, const std::string& device);
/// The table: facts, then every setting by section.
std::string facts_table(const Facts& facts, const Config& config);

/// Warns, on rank 0, when ranks may run on fewer cores than they have threads, or mpirun has bound the ranks of a host
/// to a part of it: Open MPI binds one or two ranks of a host to one core each. Collective.
void warn_of_binding(const RunConfig& run, parallel::Communicator& communicator);

}  // namespace pathline
