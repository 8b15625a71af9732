#include "trainer/parallel/nccl/nccl_channel.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "trainer/parallel/agreement.h"

namespace pathline::parallel {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 300us;      ///< between looks at what is under way
constexpr auto kIdleLook = 100ms;  ///< between looks at an idle communicator

/// A collective, for messages.
struct Collective {
  std::uint64_t number = 0;  // 0: none
  const char* operation = "";
  std::size_t values = 0;
};

/// One that was enqueued and not seen done.
struct UnderWay {
  Collective what;
  std::unique_ptr<CudaEvent> done;
};

/// What lives on the device. Left alone, not freed, when NCCL hangs in an abort: freeing could then wait for ever.
struct DeviceSide {
  explicit DeviceSide(const CudaApi& cuda) : stream(cuda), drained(cuda), ready(GradientChannel::kSlots) {}
  CudaStream stream;
  CudaEvent drained;                              // for order_after()
  std::vector<std::unique_ptr<CudaEvent>> ready;  // per slot, made when first needed
  std::vector<std::unique_ptr<CudaEvent>> spare;  // to mark the end of collectives
};

class NcclChannel final : public GradientChannel {
 public:
  NcclChannel(int rank, int size, Watchdog::Lane& lane, Watchdog::Lane& ends, const CudaApi& cuda, const NcclApi& nccl,
              int device, DeviceHooks hooks, const NcclPatience& patience, std::unique_ptr<DeviceSide> on_device,
              std::unique_ptr<NcclComm> comm)
      : rank_(rank),
        size_(size),
        lane_(lane),
        ends_(ends),
        cuda_(cuda),
        nccl_(nccl),
        device_(device),
        hooks_(std::move(hooks)),
        patience_(patience),
        exceptions_(std::uncaught_exceptions()),
        on_device_(std::move(on_device)),
        comm_(std::move(comm)),
        checked_(kSlots, nullptr),
        monitor_([this] { watch(); }) {}

  ~NcclChannel() override { close(); }

  std::string name() const override { return "nccl"; }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void mark_ready(std::size_t slot) override {
    throw_if_failed();
    auto& event = on_device_->ready.at(slot);
    if (!event) {
      use_device();
      event = std::make_unique<CudaEvent>(cuda_);
    }
    event->record(compute_stream());
  }

  void all_reduce_sum(std::size_t slot, std::span<float> values, Compression compression) override {
    collective("all_reduce_sum", slot, values, compression, [&](void* data, ncclDataType_t type, ncclComm_t comm) {
      return nccl_.all_reduce(data, data, values.size(), type, ncclSum, comm, stream());
    });
  }

  void reduce_to_owners(std::size_t slot, std::span<float> values, std::span<const Slice> slices,
                        Compression compression) override {
    check_slices(slices, values.size());
    collective("reduce_to_owners", slot, values, compression, [&](void* data, ncclDataType_t type, ncclComm_t comm) {
      const auto at = [&](int owner) { return place(data, type, slices[static_cast<std::size_t>(owner)].offset); };
      if (even(slices)) {
        // In place: this rank's part lies where the documentation wants it, at rank · count.
        return nccl_.reduce_scatter(at(0), at(rank_), slices[0].count, type, ncclSum, comm, stream());
      }
      return grouped(slices, [&](int owner, std::size_t count) {
        return nccl_.reduce(at(owner), at(owner), count, type, ncclSum, owner, comm, stream());
      });
    });
  }

  void gather_from_owners(std::size_t slot, std::span<float> values, std::span<const Slice> slices) override {
    check_slices(slices, values.size());
    collective(
        "gather_from_owners", slot, values, Compression::none, [&](void* data, ncclDataType_t type, ncclComm_t comm) {
          const auto at = [&](int owner) { return place(data, type, slices[static_cast<std::size_t>(owner)].offset); };
          if (even(slices)) return nccl_.all_gather(at(rank_), at(0), slices[0].count, type, comm, stream());
          return grouped(slices, [&](int owner, std::size_t count) {
            return nccl_.broadcast(at(owner), at(owner), count, type, owner, comm, stream());
          });
        });
  }

  void order_after() override {
    throw_if_failed();
    use_device();
    on_device_->drained.record(stream());
    on_device_->drained.hold_back(compute_stream());
    throw_if_failed();
  }

 private:
  using Clock = NcclComm::Clock;

  cudaStream_t stream() const { return on_device_->stream.get(); }
  cudaStream_t compute_stream() const {
    return hooks_.current_stream ? static_cast<cudaStream_t>(hooks_.current_stream()) : nullptr;
  }
  /// The current device belongs to the thread.
  void use_device() const { cuda_.check(cuda_.set_device(device_), "cudaSetDevice"); }

  static void* place(void* data, ncclDataType_t type, std::size_t offset) {
    return static_cast<char*>(data) + offset * (type == ncclFloat32 ? sizeof(float) : sizeof(std::uint16_t));
  }

  void check_slices(std::span<const Slice> slices, std::size_t values) const {
    bool fine = slices.size() == static_cast<std::size_t>(size_);
    for (const Slice& slice : slices) fine = fine && slice.offset + slice.count <= values;
    if (!fine) throw std::logic_error("one slice per rank, within the values");
  }

  /// Whether the slices are equal and lie one behind the other in the order of the ranks, as ncclReduceScatter wants.
  static bool even(std::span<const Slice> slices) {
    for (std::size_t r = 0; r < slices.size(); ++r) {
      if (slices[r].count != slices[0].count || slices[r].offset != slices[0].offset + r * slices[0].count)
        return false;
    }
    return slices[0].count > 0;
  }

  /// One call per owner, fused into one launch. A group must be closed whatever happens within it.
  template <typename Call>
  ncclResult_t grouped(std::span<const Slice> slices, Call&& call) {
    ncclResult_t result = nccl_.group_start();
    if (result != ncclSuccess) return result;
    for (int owner = 0; owner < size_; ++owner) {
      const std::size_t count = slices[static_cast<std::size_t>(owner)].count;
      if (count == 0) continue;
      const ncclResult_t called = call(owner, count);
      if (result == ncclSuccess && called != ncclInProgress) result = called;
    }
    const ncclResult_t ended = nccl_.group_end();
    return result == ncclSuccess ? ended : result;
  }

  /// Enqueues one collective behind what mark_ready() recorded for the slot. `issue` gets the data as it travels.
  template <typename Issue>
  void collective(const char* operation, std::size_t slot, std::span<float> values, Compression compression,
                  Issue&& issue) {
    ask_nccl();  // what has failed by now is an earlier collective's
    throw_if_failed();
    use_device();
    check_memory(slot, values);
    if (!on_device_->ready.at(slot)) throw std::logic_error("mark_ready() comes before a collective");
    if (compression == Compression::bf16 && (!hooks_.round_to_bfloat16 || !hooks_.widen)) {
      throw Error(ExitCode::usage, "gradients in bf16 need conversions on the device, which were not given",
                  "parallel.wire", "use fp32, or set DeviceHooks::round_to_bfloat16 and ::widen");
    }
    // Before anything that might not return, so that the watchdog sees it.
    const Collective what = begin(operation, values.size());
    const bool rounded = compression == Compression::bf16;
    std::unique_ptr<CudaEvent> done = spare_event();
    std::optional<ncclResult_t> result;
    try {
      on_device_->ready[slot]->hold_back(stream());
      void* const data = rounded ? static_cast<void*>(hooks_.round_to_bfloat16(values, stream())) : values.data();
      const ncclDataType_t type = rounded ? ncclBfloat16 : ncclFloat32;
      result = comm_->issue([&](ncclComm_t comm) { return issue(data, type, comm); });
      if (result == ncclSuccess) {
        if (rounded) hooks_.widen(static_cast<const std::uint16_t*>(data), values, stream());
        done->record(stream());
      }
    } catch (const std::exception& error) {
      fail(error.what(), what);
    }
    if (result && *result != ncclSuccess) fail(comm_->describe(*result), what);
    throw_if_failed();
    {
      const std::lock_guard lock(mutex_);
      under_way_.push_back({what, std::move(done)});
      issuing_ = {};
    }
    changed_.notify_all();
  }

  Collective begin(const char* operation, std::size_t values) {
    const std::lock_guard lock(mutex_);
    ++open_;
    issuing_ = {lane_.begin(operation, values), operation, values};
    return issuing_;
  }
  /// REQUIRES: mutex_ is held, or the monitor has ended.
  void complete() {
    --open_;
    lane_.complete();
  }

  /// NCCL given a host pointer would take the whole device down with it.
  void check_memory(std::size_t slot, std::span<float> values) {
    if (checked_.at(slot) == values.data() || values.empty()) return;
    cudaPointerAttributes attributes{};
    const cudaError_t asked = cuda_.pointer_get_attributes(&attributes, values.data());
    if (asked != cudaSuccess) cuda_.get_last_error();  // clears it, for whoever asks next
    if (asked != cudaSuccess || (attributes.type != cudaMemoryTypeDevice && attributes.type != cudaMemoryTypeManaged)) {
      throw Error(ExitCode::usage, "the gradients lie in host memory; NCCL reduces on CUDA devices", "parallel.backend",
                  "train on CUDA devices, or use parallel.backend = mpi");
    }
    checked_[slot] = values.data();
  }

  std::unique_ptr<CudaEvent> spare_event() {
    {
      const std::lock_guard lock(mutex_);
      if (!on_device_->spare.empty()) {
        auto event = std::move(on_device_->spare.back());
        on_device_->spare.pop_back();
        return event;
      }
    }
    return std::make_unique<CudaEvent>(cuda_);
  }

  void throw_if_failed() {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) return;
    throw Error(ExitCode::peer, failure_, fmt::format("rank {} of {}", rank_, size_),
                "another rank, a device or the network has failed; start the same command again to go on from the last "
                "checkpoint (NCCL_DEBUG=INFO in the environment shows more)");
  }

  /// The first failure counts: it is logged here and thrown by every later call.
  void fail(const std::string& reason, const Collective& what) {
    std::string text;
    {
      const std::lock_guard lock(mutex_);
      if (!failure_.empty()) return;
      text = what.number == 0 ? fmt::format("NCCL failed between collectives: {}", reason)
                              : fmt::format("NCCL failed in collective #{} of gradients, {} of {} values: {}",
                                            what.number, what.operation, what.values, reason);
      failure_ = text;
    }
    changed_.notify_all();
    log_error(fmt::format("rank {} of {}: {}. Aborting the communicator.", rank_, size_, text));
    abort();
  }

  void abort() {
    if (comm_->abort(NcclComm::Seconds(patience_.abort))) return;
    abandoned_ = true;
    log_warning(fmt::format("rank {} of {}: NCCL did not return within {} s, it is left to itself", rank_, size_,
                            patience_.abort));
  }

  /// The monitor's thread.
  void watch() {
    if (const cudaError_t set = cuda_.set_device(device_); set != cudaSuccess) fail(cuda_.get_error_string(set), {});
    std::unique_lock lock(mutex_);
    while (!stop_ && failure_.empty()) {
      if (!under_way_.empty()) {
        const UnderWay& oldest = under_way_.front();  // only this thread removes it
        lock.unlock();
        const cudaError_t done = oldest.done->query();
        if (done == cudaSuccess) {
          lock.lock();
          complete();
          on_device_->spare.push_back(std::move(under_way_.front().done));
          under_way_.pop_front();
          changed_.notify_all();
          continue;
        }
        if (done != cudaErrorNotReady) {
          fail(cuda_.get_error_string(done), oldest.what);
        } else {
          ask_nccl();
        }
        lock.lock();
        changed_.wait_for(lock, kLook, [this] { return stop_ || !failure_.empty(); });
      } else {
        lock.unlock();
        ask_nccl();
        lock.lock();
        changed_.wait_for(lock, kIdleLook, [this] { return stop_ || !failure_.empty() || !under_way_.empty(); });
      }
    }
  }

  /// Looks for an error that NCCL has met in the background.
  void ask_nccl() {
    const auto state = comm_->state();
    if (!state || *state == ncclSuccess || *state == ncclInProgress) return;
    const std::string reason = comm_->describe(*state);
    Collective oldest;
    {
      const std::lock_guard lock(mutex_);
      oldest = under_way_.empty() ? issuing_ : under_way_.front().what;
    }
    fail(reason, oldest);
  }

  /// The end, in the order that NVIDIA's user guide gives: the stream is empty, then ncclCommFinalize (of all ranks),
  /// then ncclCommDestroy, then events and stream; the libraries stay. MPI ends later, in Session.
  void close() noexcept {
    try {
      const bool passing = std::uncaught_exceptions() > exceptions_;
      const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                               NcclComm::Seconds(passing ? 0.0 : patience_.finish));
      const bool drained = wait_until_done(deadline);
      stop_monitor();
      if (!failed()) {
        const Watchdog::Scope scope(ends_, "shutdown");
        if (passing || !drained || !stream_is_empty(deadline)) {
          if (!passing) log_warning(unfinished("gradients are still under way"));
          abort();
        } else if (!comm_->finish(deadline)) {
          log_warning(unfinished("NCCL did not finish in good order"));
          abort();
        }
      }
      // Nothing here waits any more: what is left undone is not to be taken for a stall.
      while (open_ > 0) complete();
      if (abandoned_) {
        for (UnderWay& left : under_way_) static_cast<void>(left.done.release());
        static_cast<void>(on_device_.release());
        static_cast<void>(comm_.release());  // a thread may still be inside
      }
    } catch (const std::exception& error) {
      log_warning(unfinished(error.what()));
    }
  }

  std::string unfinished(const std::string& why) const {
    return fmt::format("rank {} of {}: at the end of NCCL: {}", rank_, size_, why);
  }

  bool failed() {
    const std::lock_guard lock(mutex_);
    return !failure_.empty();
  }

  bool wait_until_done(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return under_way_.empty() || !failure_.empty(); });
  }

  bool stream_is_empty(Clock::time_point deadline) {
    if (cuda_.set_device(device_) != cudaSuccess) return false;
    cudaError_t state = cudaSuccess;
    while ((state = cuda_.stream_query(stream())) == cudaErrorNotReady && Clock::now() < deadline) {
      std::this_thread::sleep_for(kLook);
    }
    return state == cudaSuccess;
  }

  void stop_monitor() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    monitor_.join();
  }

  const int rank_, size_;
  Watchdog::Lane& lane_;  // of the collectives
  Watchdog::Lane& ends_;  // of start and shutdown
  const CudaApi& cuda_;
  const NcclApi& nccl_;
  const int device_;
  const DeviceHooks hooks_;
  const NcclPatience patience_;
  const int exceptions_;

  std::unique_ptr<DeviceSide> on_device_;  // its spare events: under mutex_
  std::unique_ptr<NcclComm> comm_;
  std::vector<const void*> checked_;  // per slot, memory known to be the device's; the communication thread's
  std::atomic<bool> abandoned_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  Collective issuing_;  // begun and not under way yet
  std::deque<UnderWay> under_way_;
  std::size_t open_ = 0;  // begun in the lane and not completed
  std::string failure_;
  bool stop_ = false;
  std::thread monitor_;  // last: starts when the rest is ready
};

}  // namespace

std::unique_ptr<GradientChannel> make_nccl_channel(Communicator& control, Watchdog& watchdog, const CudaApi& cuda,
                                                   const NcclApi& nccl, int device, DeviceHooks hooks,
                                                   const NcclPatience& patience) {
  std::unique_ptr<DeviceSide> on_device;
  together(control, [&] {
    cuda.check(cuda.set_device(device), "cudaSetDevice");
    // Before NCCL starts: allocations at the same time can meet NCCL's own in a deadlock.
    on_device = std::make_unique<DeviceSide>(cuda);
  });
  Watchdog::Lane& ends = watchdog.add_lane("NCCL");
  Watchdog::Lane& lane = watchdog.add_lane("gradients");
  auto comm = start_nccl_comm(control, ends, nccl, NcclComm::Seconds(patience.start));
  return std::make_unique<NcclChannel>(control.rank(), control.size(), lane, ends, cuda, nccl, device, std::move(hooks),
                                       patience, std::move(on_device), std::move(comm));
}

}  // namespace pathline::parallel
