#include "trainer/parallel/nccl/nccl_comm.h"

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "trainer/parallel/agreement.h"

namespace pathline::parallel {
namespace {

using namespace std::chrono_literals;

constexpr const char* kStartHint =
    "NCCL_DEBUG=INFO in the environment shows what NCCL tried; see docs/nccl.md for the usual causes";
/// How long an abort may take that nobody chose the limit of.
constexpr NcclComm::Seconds kPatience{10.0};

}  // namespace

NcclComm::NcclComm(const NcclApi& nccl, int rank, int size, const ncclUniqueId& id) : nccl_(nccl) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  // A communicator that blocks cannot be aborted while a thread waits in it.
  config.blocking = 0;
  begun_ = nccl_.comm_init_rank_config(&comm_, size, id, rank, &config);
}

NcclComm::~NcclComm() {
  abort(kPatience);
}

std::optional<ncclResult_t> NcclComm::state() {
  const std::lock_guard lock(mutex_);
  if (begun_ != ncclSuccess && begun_ != ncclInProgress) return begun_;
  if (comm_ == nullptr) return {};
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = nccl_.comm_get_async_error(comm_, &state);
  return asked == ncclSuccess ? state : asked;
}

std::optional<ncclResult_t> NcclComm::settle(std::optional<Clock::time_point> deadline) {
  auto pause = 20us;
  while (true) {
    const auto now = state();
    if (now != ncclInProgress || (deadline && Clock::now() >= *deadline)) return now;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(2000));
  }
}

std::optional<ncclResult_t> NcclComm::issue(const std::function<ncclResult_t(ncclComm_t)>& calls) {
  {
    const std::lock_guard lock(mutex_);
    if (comm_ == nullptr) return {};
    const ncclResult_t result = calls(comm_);
    if (result != ncclInProgress) return result;
  }
  return settle();
}

std::string NcclComm::describe(ncclResult_t result) {
  const std::lock_guard lock(mutex_);
  return nccl_.describe(result, comm_);
}

bool NcclComm::abort(Seconds patience) {
  const auto deadline = Clock::now() + patience;
  // Nobody may be inside NCCL during an abort. Calls of a non-blocking communicator return at once; should one not,
  // there is nothing that could be done safely.
  std::unique_lock lock(mutex_, std::try_to_lock);
  while (!lock.owns_lock()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(1ms);
    lock.try_lock();
  }
  if (comm_ == nullptr) return true;
  const ncclComm_t comm = std::exchange(comm_, nullptr);
  // On a thread of its own, for it too may not return; that thread touches nothing of this object.
  std::packaged_task<ncclResult_t()> task([abort = nccl_.comm_abort, comm] { return abort(comm); });
  std::future<ncclResult_t> done = task.get_future();
  std::thread(std::move(task)).detach();
  return done.wait_until(deadline) == std::future_status::ready;
}

bool NcclComm::finish(Clock::time_point deadline) {
  auto result = issue([this](ncclComm_t comm) {
    // The answer comes from settle(), with its deadline, not from here.
    const ncclResult_t begun = nccl_.comm_finalize(comm);
    return begun == ncclInProgress ? ncclSuccess : begun;
  });
  if (result == ncclSuccess) result = settle(deadline);
  if (result != ncclSuccess) return false;
  const std::lock_guard lock(mutex_);
  if (comm_ == nullptr) return false;
  return nccl_.comm_destroy(std::exchange(comm_, nullptr)) == ncclSuccess;
}

std::unique_ptr<NcclComm> start_nccl_comm(Communicator& control, Watchdog::Lane& lane, const NcclApi& nccl,
                                          NcclComm::Seconds patience) {
  ncclUniqueId id{};
  together(control, [&] {
    if (control.rank() != 0) return;
    const ncclResult_t result = nccl.get_unique_id(&id);
    if (result == ncclSuccess) return;
    throw Error(ExitCode::peer, fmt::format("ncclGetUniqueId failed: {}", nccl.describe(result, nullptr)), "NCCL",
                kStartHint);
  });
  control.broadcast(&id, sizeof id, 0);

  const Watchdog::Scope scope(lane, "ncclCommInitRankConfig");
  const auto begin = NcclComm::Clock::now();
  auto comm = std::make_unique<NcclComm>(nccl, control.rank(), control.size(), id);
  // Looking and comparing notes by turns: one rank's failure would leave the others waiting in NCCL.
  NcclComm::Seconds round = 1ms;
  std::optional<ncclResult_t> state;
  double open[3];  // waiting, failed, too late
  do {
    state = comm->settle(NcclComm::Clock::now() + std::chrono::duration_cast<NcclComm::Clock::duration>(round));
    open[0] = state == ncclInProgress ? 1.0 : 0.0;
    open[1] = state != ncclInProgress && state != ncclSuccess ? 1.0 : 0.0;
    open[2] = NcclComm::Clock::now() - begin >= patience ? 1.0 : 0.0;
    control.all_reduce_max(open);
    round = std::min<NcclComm::Seconds>(round * 2, 100ms);
  } while (open[0] > 0 && open[1] == 0 && open[2] == 0);

  const bool failed_here = state != ncclInProgress && state != ncclSuccess;
  std::string failure;
  if (failed_here || (open[1] == 0 && state == ncclInProgress)) {
    const std::string reason =
        failed_here ? comm->describe(state.value_or(ncclInternalError))
                    : fmt::format("not done after {:.1f} s; {}", patience.count(), comm->describe(ncclInProgress));
    failure = fmt::format("the start of NCCL {} failed: {}", nccl.version, reason);
  }
  // Every rank aborts, or none: they all know the same.
  if (open[0] > 0 || open[1] > 0) comm->abort(kPatience);
  together(control, [&] {
    if (!failure.empty()) throw Error(ExitCode::peer, failure, "ncclCommInitRankConfig", kStartHint);
  });
  // The first collective must not meet a rank that is still connecting.
  control.barrier();
  return comm;
}

}  // namespace pathline::parallel
