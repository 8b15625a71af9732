#pragma once
// NCCL as pathline uses it: a table of functions filled at run time. For trainer/parallel/nccl_*.cpp.
// Thread-safety: NCCL's own, that is none for one communicator (trainer/parallel/nccl/nccl_comm.h sees to it).

#include <string>
#include <vector>

#include <nccl.h>

namespace pathline::parallel {

struct NcclApi {
  decltype(&::ncclGetVersion) get_version = nullptr;
  decltype(&::ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&::ncclCommInitRankConfig) comm_init_rank_config = nullptr;
  decltype(&::ncclCommGetAsyncError) comm_get_async_error = nullptr;
  decltype(&::ncclCommFinalize) comm_finalize = nullptr;
  decltype(&::ncclCommDestroy) comm_destroy = nullptr;
  decltype(&::ncclCommAbort) comm_abort = nullptr;
  decltype(&::ncclGetErrorString) get_error_string = nullptr;
  decltype(&::ncclGetLastError) get_last_error = nullptr;
  decltype(&::ncclAllReduce) all_reduce = nullptr;
  decltype(&::ncclReduce) reduce = nullptr;
  decltype(&::ncclBroadcast) broadcast = nullptr;
  decltype(&::ncclReduceScatter) reduce_scatter = nullptr;
  decltype(&::ncclAllGather) all_gather = nullptr;
  decltype(&::ncclGroupStart) group_start = nullptr;
  decltype(&::ncclGroupEnd) group_end = nullptr;

  std::string path;     ///< of the library
  std::string version;  ///< "2.32.3"

  /// "remote process exited …: Connection reset by peer": the code's text, then NCCL's own last words.
  std::string describe(ncclResult_t result, ncclComm_t comm) const;
};

/// `candidates`: see library_candidates(). Throws Error(usage): not found, functions missing, too old. Warns of
/// releases known to hang.
NcclApi load_nccl(const std::vector<std::string>& candidates);

}  // namespace pathline::parallel
