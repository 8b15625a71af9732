// A stand-in for NCCL and the CUDA runtime over host memory: the functions that trainer/parallel calls, with the
// prototypes of the real headers, as asynchronous as the real ones, and faults on request (standin_nccl.h). It lets the
// production code run unchanged, library loading included, on a machine without a GPU.
//
// A device pointer is a host pointer. A stream is a thread with a queue; an event is a counter that such a thread
// moves. The default stream is the calling thread itself: what waits there waits on the host, so tensors in host memory
// see the order that a device would give them. Collectives gather all ranks' data and add in the order of the ranks.
// What the documentation forbids is recorded as misuse: calls after the end of a communicator, destroying before
// finalizing, touching a stream before ncclInProgress has passed.

#include "tests/standin/standin_nccl.h"

#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <cuda_runtime_api.h>
#include <nccl.h>

#include "tests/standin/shared_exchange.h"

#define EXPORTED __attribute__((visibility("default")))

namespace standin {
namespace {

// World: options, records -------------------------------------------------------------------------------------------

class World {
 public:
  World() {
    const char* const options = std::getenv("STANDIN_NCCL");
    configure(options != nullptr ? options : "");
  }
  void write_report() {
    const std::string folder = text("report", -1);
    if (!folder.empty()) std::ofstream(folder + "/process-" + std::to_string(process_rank())) << report();
  }

  static int process_rank() {
    const char* const rank = std::getenv("OMPI_COMM_WORLD_RANK");
    return rank != nullptr ? std::atoi(rank) : 0;
  }

  void configure(const std::string& options) {
    const std::lock_guard lock(mutex_);
    options_.clear();
    calls_.clear();
    misuse_.clear();
    counts_.clear();
    live_.clear();
    std::istringstream words(options);
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
      int rank = -1;
      if (const auto at = value.rfind('@'); at != std::string::npos) {
        rank = std::atoi(value.c_str() + at + 1);
        value.erase(at);
      }
      options_[word.substr(0, equals)] = {value, rank};
    }
  }

  /// "" if it is not set for this rank. rank -1: a caller that belongs to no communicator; then mpirun's number.
  std::string text(const std::string& name, int rank) {
    const std::lock_guard lock(mutex_);
    const auto found = options_.find(name);
    if (found == options_.end()) return "";
    const int wanted = found->second.rank;
    if (wanted >= 0 && wanted != (rank >= 0 ? rank : process_rank())) return "";
    return found->second.value;
  }
  std::uint64_t number(const std::string& name, int rank, std::uint64_t otherwise) {
    const std::string value = text(name, rank);
    return value.empty() ? otherwise : std::strtoull(value.c_str(), nullptr, 10);
  }

  /// Records a call; the code that it is to fail with, or 0.
  int call(const std::string& function, const void* comm = nullptr, int rank = -1, const std::string& detail = "") {
    const std::string fail = text("fail", rank);
    const std::lock_guard lock(mutex_);
    calls_.push_back(function + (detail.empty() ? "" : " " + detail));
    const std::uint64_t count = ++counts_[{function, comm}];
    std::istringstream parts(fail);
    std::string name, nth, code;
    std::getline(parts, name, ':');
    std::getline(parts, nth, ':');
    std::getline(parts, code, ':');
    return name == function && std::to_string(count) == nth ? std::atoi(code.c_str()) : 0;
  }
  void misuse(const std::string& what) {
    const std::lock_guard lock(mutex_);
    misuse_.push_back(what);
  }
  void count(const std::string& kind, int change) {
    const std::lock_guard lock(mutex_);
    live_[kind] += change;
  }

  std::string report() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const std::string& call : calls_) text += call + "\n";
    for (const std::string& what : misuse_) text += "misuse: " + what + "\n";
    for (const auto& [kind, live] : live_) {
      if (live != 0) text += "leaked: " + std::to_string(live) + " " + kind + "\n";
    }
    return text;
  }

  std::chrono::microseconds random_delay() {
    const std::uint64_t most = number("delay_us", -1, 0);
    const std::lock_guard lock(mutex_);
    return std::chrono::microseconds(most == 0 ? 0 : random_() % most);
  }

 private:
  struct Option {
    std::string value;
    int rank;
  };
  std::mutex mutex_;
  std::map<std::string, Option> options_;
  std::vector<std::string> calls_, misuse_;
  std::map<std::pair<std::string, const void*>, std::uint64_t> counts_;
  std::map<std::string, int> live_;
  std::mt19937_64 random_{7};
};

/// Never destroyed: threads of streams may outlive main().
World& world() {
  static World& instance = []() -> World& {
    auto* const made = new World;
    std::atexit([] { world().write_report(); });
    return *made;
  }();
  return instance;
}

// Streams and events ------------------------------------------------------------------------------------------------

struct EventState {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t recorded = 0, done = 0;

  void finish(std::uint64_t number) {
    {
      const std::lock_guard lock(mutex);
      done = std::max(done, number);
    }
    changed.notify_all();
  }
  void wait(std::uint64_t number) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done >= number; });
  }
};

}  // namespace
}  // namespace standin

/// Destroying a stream lets what is queued run to its end and does not wait for it, as CUDA does.
struct CUstream_st {
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> operations;
    bool closed = false, busy = false;
    int being_enqueued = 0;  // groups of NCCL that are still "in progress"
  };
  std::shared_ptr<Queue> queue = std::make_shared<Queue>();

  CUstream_st() {
    std::thread([queue = queue] {
      std::unique_lock lock(queue->mutex);
      while (true) {
        queue->changed.wait(lock, [&] { return queue->closed || !queue->operations.empty(); });
        if (queue->operations.empty()) return;
        const auto operation = std::move(queue->operations.front());
        queue->operations.pop_front();
        queue->busy = true;
        lock.unlock();
        std::this_thread::sleep_for(standin::world().random_delay());
        operation();
        lock.lock();
        queue->busy = false;
        queue->changed.notify_all();
      }
    }).detach();
  }
  ~CUstream_st() {
    {
      const std::lock_guard lock(queue->mutex);
      queue->closed = true;
    }
    queue->changed.notify_all();
  }
  void push(std::function<void()> operation) {
    {
      const std::lock_guard lock(queue->mutex);
      queue->operations.push_back(std::move(operation));
    }
    queue->changed.notify_all();
  }
  bool empty() {
    const std::lock_guard lock(queue->mutex);
    return queue->operations.empty() && !queue->busy;
  }
  void touch(const char* function) {
    const std::lock_guard lock(queue->mutex);
    if (queue->being_enqueued > 0) {
      standin::world().misuse(std::string(function) + " on a stream before ncclInProgress had passed");
    }
  }
};

struct CUevent_st {
  std::shared_ptr<standin::EventState> state = std::make_shared<standin::EventState>();
};

// NCCL ----------------------------------------------------------------------------------------------------------------

namespace standin {
namespace {

enum class Kind : int { all_reduce, reduce, broadcast, reduce_scatter, all_gather };
constexpr const char* kNames[] = {"ncclAllReduce", "ncclReduce", "ncclBroadcast", "ncclReduceScatter", "ncclAllGather"};

/// What all ranks must agree on.
struct Signature {
  Kind kind;
  std::uint64_t number, count;
  ncclDataType_t type;
  int root;
  bool operator==(const Signature&) const = default;
  std::string text() const {
    return std::string(kNames[static_cast<int>(kind)]) + " #" + std::to_string(number) + " of " +
           std::to_string(count) + (root >= 0 ? " with root " + std::to_string(root) : "");
  }
};

struct Operation {
  Signature signature;
  const void* send;
  void* receive;
};

}  // namespace
}  // namespace standin

/// Never freed, so that calls after the end are noticed and not a crash.
struct ncclComm {
  enum class Life { alive, finalized, destroyed, aborted };

  ncclComm(std::string where, int r, int n) : place(std::move(where)), rank(r), size(n) {}

  const std::string place;
  const int rank, size;
  std::unique_ptr<standin::SharedExchange> exchange;
  std::atomic<Life> life{Life::alive};
  std::atomic<int> state{ncclInProgress};
  std::atomic<bool> cancelled{false};
  std::atomic<int> polls_left{0}, running{0};
  std::uint64_t issued = 0;
  std::thread background;  // init, then finalize
  std::mutex mutex;        // last_error, held_back
  std::string last_error;
  std::vector<std::function<void()>> held_back;  // until ncclInProgress has passed

  void fail(ncclResult_t result, const std::string& text) {
    {
      const std::lock_guard lock(mutex);
      if (last_error.empty()) last_error = text;
    }
    state = result;
  }
  void wait_until_cancelled() const {
    while (!cancelled) std::this_thread::sleep_for(std::chrono::microseconds(200));
    throw standin::Cancelled{};
  }
  void run(const standin::Operation& operation);
  void release_held_back() {
    std::vector<std::function<void()>> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(held_back);
    }
    for (const auto& push : now) push();
  }
};

namespace standin {
namespace {

std::size_t size_of(ncclDataType_t type) {
  return type == ncclBfloat16 ? 2 : 4;
}

float value_at(const char* data, std::size_t index, ncclDataType_t type) {
  if (type == ncclFloat32) {
    float value;
    std::memcpy(&value, data + index * 4, 4);
    return value;
  }
  std::uint16_t half;
  std::memcpy(&half, data + index * 2, 2);
  return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16);
}

void put(char* data, std::size_t index, ncclDataType_t type, float value) {
  if (type == ncclFloat32) {
    std::memcpy(data + index * 4, &value, 4);
    return;
  }
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto half = static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
  std::memcpy(data + index * 2, &half, 2);
}

/// receive[i] = the sum of all ranks' value number first + i, of `each` values per rank.
void sum(const std::vector<char>& all, int ranks, std::size_t each, std::size_t first, std::size_t count,
         ncclDataType_t type, void* receive) {
  for (std::size_t i = 0; i < count; ++i) {
    float total = 0.0F;
    for (int rank = 0; rank < ranks; ++rank) {
      total += value_at(all.data(), static_cast<std::size_t>(rank) * each + first + i, type);
    }
    put(static_cast<char*>(receive), i, type, total);
  }
}

}  // namespace
}  // namespace standin

void ncclComm::run(const standin::Operation& operation) {
  using standin::Kind;
  using standin::world;
  const standin::Signature& mine = operation.signature;
  if (world().number("hang", rank, 0) == mine.number) wait_until_cancelled();
  if (world().number("async_error", rank, 0) == mine.number) {
    fail(ncclRemoteError, "stand-in: connection reset in " + mine.text());
    wait_until_cancelled();
  }
  const std::vector<char> everybody = exchange->gather(&mine, sizeof mine, cancelled);
  for (int peer = 0; peer < size; ++peer) {
    standin::Signature theirs;
    std::memcpy(&theirs, everybody.data() + static_cast<std::size_t>(peer) * sizeof theirs, sizeof theirs);
    if (theirs == mine) continue;
    fail(ncclInvalidUsage, "stand-in: rank " + std::to_string(rank) + " is in " + mine.text() + ", rank " +
                               std::to_string(peer) + " in " + theirs.text());
    wait_until_cancelled();
  }
  const auto ranks = static_cast<std::size_t>(size);
  const std::size_t each = mine.kind == Kind::reduce_scatter ? mine.count * ranks : mine.count;
  const std::vector<char> all = exchange->gather(operation.send, each * standin::size_of(mine.type), cancelled);
  switch (mine.kind) {
    case Kind::reduce:
      if (rank != mine.root) break;
      [[fallthrough]];
    case Kind::all_reduce:
      standin::sum(all, size, each, 0, mine.count, mine.type, operation.receive);
      break;
    case Kind::reduce_scatter:
      standin::sum(all, size, each, static_cast<std::size_t>(rank) * mine.count, mine.count, mine.type,
                   operation.receive);
      break;
    case Kind::broadcast: {
      const std::size_t bytes = mine.count * standin::size_of(mine.type);
      std::memcpy(operation.receive, all.data() + static_cast<std::size_t>(mine.root) * bytes, bytes);
      break;
    }
    case Kind::all_gather:
      std::memcpy(operation.receive, all.data(), all.size());
      break;
  }
}

namespace standin {
namespace {

std::atomic<bool> device_broken{false};

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
          if (world().number("device_error", comm->rank, 0) == operation.signature.number) device_broken = true;
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

EXPORTED void standin_configure(const char* options) {
  standin::device_broken = false;
  world().configure(options);
}

EXPORTED std::size_t standin_report(char* text, std::size_t room) {
  const std::string report = world().report();
  if (room > 0) std::snprintf(text, room, "%s", report.c_str());
  return report.size();
}

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
  auto* const made = new ncclComm(id.internal, rank, ranks);
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

// CUDA
// ------------------------------------------------------------------------------------------------------------------

EXPORTED cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

EXPORTED const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorNoDevice ? "no CUDA-capable device is detected" : "stand-in device error";
}

EXPORTED cudaError_t cudaGetLastError() {
  return cudaSuccess;
}

EXPORTED cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(world().number("devices", -1, 8));
  return *count == 0 ? cudaErrorNoDevice : cudaSuccess;
}

EXPORTED cudaError_t cudaSetDevice(int) {
  return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  if (const int code = world().call("cudaDeviceGetPCIBusId")) return static_cast<cudaError_t>(code);
  std::snprintf(id, static_cast<std::size_t>(length), "0000:%02X:00.0",
                world().text("pci", -1) == "same" ? 1 : device + 1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

EXPORTED cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void*) {
  attributes->type = world().text("memory", -1) == "host" ? cudaMemoryTypeUnregistered : cudaMemoryTypeDevice;
  return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int) {
  if (const int code = world().call("cudaStreamCreateWithPriority")) return static_cast<cudaError_t>(code);
  if (flags != cudaStreamNonBlocking) world().misuse("a stream that waits for the default stream");
  *stream = new CUstream_st;
  world().count("streams", 1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  world().call("cudaStreamDestroy");
  delete stream;
  world().count("streams", -1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (stream == nullptr) return cudaSuccess;
  return stream->empty() ? cudaSuccess : cudaErrorNotReady;
}

EXPORTED cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  if (const int code = world().call("cudaStreamWaitEvent")) return static_cast<cudaError_t>(code);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(event->state->mutex);
    number = event->state->recorded;
  }
  if (stream == nullptr) {
    event->state->wait(number);
  } else {
    stream->touch("cudaStreamWaitEvent");
    stream->push([state = event->state, number] { state->wait(number); });
  }
  return cudaSuccess;
}

EXPORTED cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  if (stream == nullptr) {
    function(data);
  } else {
    stream->push([function, data] { function(data); });
  }
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  if (const int code = world().call("cudaEventCreateWithFlags")) return static_cast<cudaError_t>(code);
  if ((flags & cudaEventDisableTiming) == 0) world().misuse("an event that takes the time");
  *event = new CUevent_st;
  world().count("events", 1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventDestroy(cudaEvent_t event) {
  world().call("cudaEventDestroy");
  delete event;
  world().count("events", -1);
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (const int code = world().call("cudaEventRecord")) return static_cast<cudaError_t>(code);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(event->state->mutex);
    number = ++event->state->recorded;
  }
  if (stream == nullptr) {
    event->state->finish(number);
  } else {
    stream->touch("cudaEventRecord");
    stream->push([state = event->state, number] { state->finish(number); });
  }
  return cudaSuccess;
}

EXPORTED cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (standin::device_broken) return cudaErrorIllegalAddress;
  const std::lock_guard lock(event->state->mutex);
  return event->state->done >= event->state->recorded ? cudaSuccess : cudaErrorNotReady;
}

}  // extern "C"
