#include "trainer/parallel/nccl/nccl_api.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "trainer/parallel/nccl/dynamic_library.h"

namespace pathline::parallel {
namespace {

/// Communicators that never block, with abort at any time, are complete from here on.
constexpr int kOldest = NCCL_VERSION(2, 18, 0);
/// Releases that NVIDIA's resiliency tools (NVRx) advise against.
constexpr int kDoubtfulFirst = NCCL_VERSION(2, 28, 3), kDoubtfulLast = NCCL_VERSION(2, 28, 8);

std::string version_text(int code) {
  return fmt::format("{}.{}.{}", code / 10000, code / 100 % 100, code % 100);
}

}  // namespace

std::string NcclApi::describe(ncclResult_t result, ncclComm_t comm) const {
  std::string text = get_error_string(result);
  const char* const last = get_last_error(comm);
  if (last != nullptr && *last != '\0') text += fmt::format(": {}", last);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

NcclApi load_nccl(const std::vector<std::string>& candidates) {
  const std::string hint =
      fmt::format("install NCCL {} or newer (LibTorch's CUDA wheels bring it), or name it in PATHLINE_NCCL_LIBRARY",
                  version_text(kOldest));
  DynamicLibrary library("NCCL", candidates, hint);
  NcclApi nccl;
  library.find(nccl.get_version, "ncclGetVersion");
  library.find(nccl.get_unique_id, "ncclGetUniqueId");
  library.find(nccl.comm_init_rank_config, "ncclCommInitRankConfig");
  library.find(nccl.comm_get_async_error, "ncclCommGetAsyncError");
  library.find(nccl.comm_finalize, "ncclCommFinalize");
  library.find(nccl.comm_destroy, "ncclCommDestroy");
  library.find(nccl.comm_abort, "ncclCommAbort");
  library.find(nccl.get_error_string, "ncclGetErrorString");
  library.find(nccl.get_last_error, "ncclGetLastError");
  library.find(nccl.all_reduce, "ncclAllReduce");
  library.find(nccl.reduce, "ncclReduce");
  library.find(nccl.broadcast, "ncclBroadcast");
  library.find(nccl.reduce_scatter, "ncclReduceScatter");
  library.find(nccl.all_gather, "ncclAllGather");
  library.find(nccl.group_start, "ncclGroupStart");
  library.find(nccl.group_end, "ncclGroupEnd");
  library.require_all();
  nccl.path = library.path();

  int version = 0;
  if (nccl.get_version(&version) != ncclSuccess) version = 0;
  nccl.version = version_text(version);
  if (version < kOldest) {
    throw Error(ExitCode::usage,
                fmt::format("NCCL {} is too old, expected {} or newer", nccl.version, version_text(kOldest)), nccl.path,
                hint);
  }
  if (version >= kDoubtfulFirst && version <= kDoubtfulLast) {
    log_warning(fmt::format("NCCL {} ({}) is known to hang; take {} or newer", nccl.version, nccl.path,
                            version_text(kDoubtfulLast + 1)));
  }
  return nccl;
}

}  // namespace pathline::parallel
