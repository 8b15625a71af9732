#pragma once
// One ncclComm_t and the rules of its life. It is made without ever blocking; only one thread is inside NCCL at a time;
// it ends in exactly one of two ways: finish() in good order, or abort(). Afterwards nothing reaches NCCL any more.
//
// Ownership: borrows the table. Thread-safety: all functions from any thread; one thread issues at a time.

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/nccl/nccl_api.h"
#include "trainer/parallel/watchdog.h"

namespace pathline::parallel {

class NcclComm {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  /// Begins ncclCommInitRankConfig; state() says when it is done. REQUIRES: the device is current; `nccl` outlives
  /// this.
  NcclComm(const NcclApi& nccl, int rank, int size, const ncclUniqueId& id);
  /// Aborts if neither finish() nor abort() was called.
  ~NcclComm();
  NcclComm(const NcclComm&) = delete;
  NcclComm& operator=(const NcclComm&) = delete;

  /// What NCCL says of the communicator: ncclSuccess, ncclInProgress, or the error it died of. Nothing after the end.
  std::optional<ncclResult_t> state();
  /// Waits for ncclInProgress to pass, until `deadline` (never if there is none). Nothing: aborted by another thread.
  std::optional<ncclResult_t> settle(std::optional<Clock::time_point> deadline = {});
  /// Runs calls of NCCL and waits until all they enqueue is enqueued (settle()).
  std::optional<ncclResult_t> issue(const std::function<ncclResult_t(ncclComm_t)>& calls);
  std::string describe(ncclResult_t result);

  /// Frees everything, on this rank, without waiting for the others; what is under way on the device ends with
  /// unspecified results. False: NCCL did not come back within `patience`; it is then left to itself, and so should its
  /// streams be.
  bool abort(Seconds patience);
  /// ncclCommFinalize, polled until `deadline`, then ncclCommDestroy. All ranks of the host must come here. REQUIRES:
  /// what was enqueued is done. False: it failed or took too long; abort() is what is left.
  bool finish(Clock::time_point deadline);

 private:
  const NcclApi& nccl_;
  std::mutex mutex_;  // held while inside NCCL
  ncclComm_t comm_ = nullptr;
  ncclResult_t begun_ = ncclSuccess;  // what the first call returned
};

/// Makes the communicator of all ranks of `control`, collectively, and waits until every rank has it. Error(peer), the
/// same on every rank and naming the culprit: NCCL fails anywhere, or is not done after `patience`.
std::unique_ptr<NcclComm> start_nccl_comm(Communicator& control, Watchdog::Lane& lane, const NcclApi& nccl,
                                          NcclComm::Seconds patience);

}  // namespace pathline::parallel
