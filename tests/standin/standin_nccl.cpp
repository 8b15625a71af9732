// A stand-in for NCCL and the CUDA runtime (standin_cuda.cpp) over host memory: the functions that trainer/parallel
// calls, with the prototypes of the real headers, as asynchronous as the real ones, and faults on request
// (standin_nccl.h). It lets the production code run unchanged, library loading included, on a machine without a GPU.
//
// Collectives gather all ranks' data and add in the order of the ranks. What the documentation forbids is recorded as
// misuse: calls after the end of a communicator, destroying before finalizing, touching a stream before ncclInProgress
// has passed.

#include "tests/standin/standin_nccl.h"

#include <cstdio>
#include <map>

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "tests/standin/communicator.h"
#include "tests/standin/stream.h"
#include "tests/standin/world.h"

namespace standin {
namespace {

/// The group that the calling thread has open.
struct Group {
  int depth = 0;
  std::vector<std::pair<ncclComm_t, cudaStream_t>> places;
  std::vector<Operation> operations;
};
/// Not thread_local: ThreadSanitizer takes the end of such memory in a loaded library for a race.
Group& group() {
  static std::mutex& mutex = *new std::mutex;
  static auto& groups = *new std::map<std::thread::id, Group>;
  const std::lock_guard lock(mutex);
  return groups[std::this_thread::get_id()];
}

ncclResult_t flush(Group& open) {
  ncclResult_t result = ncclSuccess;
  std::vector<Operation> operations;
  std::vector<std::pair<ncclComm_t, cudaStream_t>> places;
  operations.swap(open.operations);
  places.swap(open.places);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto [comm, stream] = places[i];
    comm->running.fetch_add(1);
    auto push = [comm = comm, stream = stream, operation = operations[i]] {
      stream->push([comm, operation] {
        try {
          comm->run(operation);
          if (world().number("device_error", comm->rank, 0) == operation.signature.number) world().device_broken = true;
        } catch (const Cancelled&) {
          // Its results are unspecified; the stream goes on.
        }
        comm->running.fetch_sub(1);
      });
    };
    if (const std::uint64_t polls = world().number("in_progress", comm->rank, 0); polls > 0) {
      result = ncclInProgress;
      {
        const std::lock_guard lock(stream->queue->mutex);
        ++stream->queue->being_enqueued;
      }
      const std::lock_guard lock(comm->mutex);
      comm->held_back.emplace_back([push, stream = stream] {
        push();
        const std::lock_guard lock_queue(stream->queue->mutex);
        --stream->queue->being_enqueued;
      });
      comm->polls_left = static_cast<int>(polls);
    } else {
      push();
    }
  }
  return result;
}

ncclResult_t enqueue(Kind kind, const void* send, void* receive, std::size_t count, ncclDataType_t type, int root,
                     ncclComm_t comm, cudaStream_t stream) {
  const char* const name = kNames[static_cast<int>(kind)];
  if (const int code = world().call(name, comm, comm->rank)) return static_cast<ncclResult_t>(code);
  const int state = comm->state;
  if (comm->life == ncclComm::Life::alive && state != ncclSuccess && state != ncclInProgress) {
    return static_cast<ncclResult_t>(state);
  }
  if (comm->life != ncclComm::Life::alive || state != ncclSuccess || comm->polls_left > 0) {
    world().misuse(std::string(name) + " on a communicator that is not ready or has ended");
    return ncclInvalidUsage;
  }
  if (stream == nullptr || (type != ncclFloat32 && type != ncclBfloat16)) return ncclInvalidArgument;
  Group& open = group();
  open.operations.push_back({{kind, ++comm->issued, count, type, root}, send, receive});
  open.places.emplace_back(comm, stream);
  return open.depth > 0 ? ncclSuccess : flush(open);
}

/// Ends the work in the background, if there is any.
void join(ncclComm_t comm) {
  if (comm->background.joinable()) comm->background.join();
}

void hang_for_ever() {
  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
}

}  // namespace
}  // namespace standin

using standin::world;

extern "C" {

EXPORTED ncclResult_t ncclGetVersion(int* version) {
  *version = static_cast<int>(world().number("version", -1, NCCL_VERSION_CODE));
  return ncclSuccess;
}

EXPORTED const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclSystemError:
      return "unhandled system error";
    case ncclInternalError:
      return "internal error";
    case ncclInvalidArgument:
      return "invalid argument";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "operation in progress";
    default:
      return "unknown result code";
  }
}

EXPORTED const char* ncclGetLastError(ncclComm_t comm) {
  if (comm == nullptr) return "";
  const std::lock_guard lock(comm->mutex);
  return comm->last_error.c_str();  // set once, and communicators are never freed
}

EXPORTED ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (const int code = world().call("ncclGetUniqueId")) return static_cast<ncclResult_t>(code);
  std::snprintf(id->internal, sizeof id->internal, "%s", standin::SharedExchange::create().c_str());
  return ncclSuccess;
}

EXPORTED ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                             ncclConfig_t* config) {
  *comm = nullptr;
  if (const int code = world().call("ncclCommInitRankConfig", nullptr, rank)) return static_cast<ncclResult_t>(code);
  if (config == nullptr || config->blocking != 0) world().misuse("a communicator that blocks");
  if (ranks > standin::kMaxRanks) return ncclInvalidArgument;
  const std::string fault = world().text("init", rank);
  if (fault == "block") standin::hang_for_ever();
  ncclComm* const made = standin::make_comm(id.internal, rank, ranks);
  *comm = made;
  world().count("communicators", 1);
  made->polls_left = static_cast<int>(world().number("in_progress", rank, 0));
  made->background = std::thread([made, fault] {
    try {
      if (fault == "error") {
        made->fail(ncclSystemError, "stand-in: no route to rank 0");
        return;
      }
      if (fault == "hang") made->wait_until_cancelled();
      made->exchange = std::make_unique<standin::SharedExchange>(made->place, made->rank, made->size);
      made->exchange->attach_and_wait_for_all(made->cancelled);
      standin::SharedExchange::forget(made->rank == 0 ? made->place : "");
      made->state = ncclSuccess;
    } catch (const standin::Cancelled&) {
      standin::SharedExchange::forget(made->rank == 0 ? made->place : "");
    } catch (const std::exception& error) {
      made->fail(ncclSystemError, error.what());
    }
  });
  return ncclInProgress;
}

EXPORTED ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  if (comm->life == ncclComm::Life::destroyed || comm->life == ncclComm::Life::aborted) {
    world().misuse("ncclCommGetAsyncError after the end of the communicator");
    return ncclInvalidUsage;
  }
  *state = static_cast<ncclResult_t>(comm->state.load());
  if (*state == ncclSuccess && comm->polls_left > 0) {
    if (comm->polls_left.fetch_sub(1) > 1) {
      *state = ncclInProgress;
    } else {
      comm->release_held_back();
    }
  }
  return ncclSuccess;
}

EXPORTED ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  if (const int code = world().call("ncclCommFinalize", comm, comm->rank)) return static_cast<ncclResult_t>(code);
  if (comm->life != ncclComm::Life::alive || comm->state != ncclSuccess) {
    world().misuse("ncclCommFinalize on a communicator that is not ready or has ended");
    return ncclInvalidUsage;
  }
  standin::join(comm);
  comm->life = ncclComm::Life::finalized;
  comm->state = ncclInProgress;
  comm->background = std::thread([comm] {
    try {
      if (world().text("finalize", comm->rank) == "hang") comm->wait_until_cancelled();
      while (comm->running > 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
      const char here = 0;
      comm->exchange->gather(&here, 1, comm->cancelled);
      comm->state = ncclSuccess;
    } catch (const standin::Cancelled&) {
    }
  });
  return ncclInProgress;
}

EXPORTED ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  if (const int code = world().call("ncclCommDestroy", comm, comm->rank)) return static_cast<ncclResult_t>(code);
  if (comm->life != ncclComm::Life::finalized || comm->state != ncclSuccess) {
    world().misuse("ncclCommDestroy before ncclCommFinalize was done");
    return ncclInvalidUsage;
  }
  standin::join(comm);
  comm->life = ncclComm::Life::destroyed;
  comm->exchange.reset();
  world().count("communicators", -1);
  return ncclSuccess;
}

EXPORTED ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (const int code = world().call("ncclCommAbort", comm, comm->rank)) return static_cast<ncclResult_t>(code);
  if (comm->life == ncclComm::Life::destroyed || comm->life == ncclComm::Life::aborted) {
    world().misuse("ncclCommAbort after the end of the communicator");
    return ncclInvalidUsage;
  }
  comm->cancelled = true;
  standin::join(comm);
  comm->release_held_back();
  while (comm->running > 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
  comm->life = ncclComm::Life::aborted;
  comm->exchange.reset();
  world().count("communicators", -1);
  if (world().text("abort", comm->rank) == "hang") standin::hang_for_ever();
  return ncclSuccess;
}

EXPORTED ncclResult_t ncclAllReduce(const void* send, void* receive, std::size_t count, ncclDataType_t type,
                                    ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return standin::enqueue(standin::Kind::all_reduce, send, receive, count, type, -1, comm, stream);
}

EXPORTED ncclResult_t ncclReduce(const void* send, void* receive, std::size_t count, ncclDataType_t type, ncclRedOp_t,
                                 int root, ncclComm_t comm, cudaStream_t stream) {
  return standin::enqueue(standin::Kind::reduce, send, receive, count, type, root, comm, stream);
}

EXPORTED ncclResult_t ncclBroadcast(const void* send, void* receive, std::size_t count, ncclDataType_t type, int root,
                                    ncclComm_t comm, cudaStream_t stream) {
  return standin::enqueue(standin::Kind::broadcast, send, receive, count, type, root, comm, stream);
}

EXPORTED ncclResult_t ncclReduceScatter(const void* send, void* receive, std::size_t count, ncclDataType_t type,
                                        ncclRedOp_t, ncclComm_t comm, cudaStream_t stream) {
  return standin::enqueue(standin::Kind::reduce_scatter, send, receive, count, type, -1, comm, stream);
}

EXPORTED ncclResult_t ncclAllGather(const void* send, void* receive, std::size_t count, ncclDataType_t type,
                                    ncclComm_t comm, cudaStream_t stream) {
  return standin::enqueue(standin::Kind::all_gather, send, receive, count, type, -1, comm, stream);
}

EXPORTED ncclResult_t ncclGroupStart() {
  if (const int code = world().call("ncclGroupStart")) return static_cast<ncclResult_t>(code);
  ++standin::group().depth;
  return ncclSuccess;
}

EXPORTED ncclResult_t ncclGroupEnd() {
  standin::Group& open = standin::group();
  const int code = world().call("ncclGroupEnd");
  if (open.depth == 0) {
    world().misuse("ncclGroupEnd without ncclGroupStart");
    return ncclInvalidUsage;
  }
  if (--open.depth > 0) return ncclSuccess;
  if (code != 0) {
    open = {};
    return static_cast<ncclResult_t>(code);
  }
  return standin::flush(open);
}

}  // extern "C"
