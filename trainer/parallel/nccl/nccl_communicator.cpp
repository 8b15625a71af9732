#include "trainer/parallel/nccl/nccl_communicator.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "core/error.h"
#include "core/log.h"
#include "trainer/parallel/agreement.h"
#include "trainer/parallel/engine/gradient_channel.h"
#include "trainer/parallel/nccl/cuda_api.h"
#include "trainer/parallel/nccl/nccl_api.h"
#include "trainer/parallel/nccl/nccl_channel.h"
#include "trainer/parallel/watchdog.h"

namespace pathline::parallel {
namespace {

struct Libraries {
  CudaApi cuda;
  NcclApi nccl;
};

Libraries load_libraries() {
  CudaApi cuda = load_cuda(library_candidates("PATHLINE_CUDART_LIBRARY", cuda_runtime_name()));
  return {std::move(cuda), load_nccl(library_candidates("PATHLINE_NCCL_LIBRARY", "libnccl.so.2"))};
}

/// This rank's device: the one of its number on its host. A launcher that shows every rank one device only (Slurm's
/// --gpus-per-task=1) has chosen already.
int choose_device(const CudaApi& cuda, const Communicator& control) {
  int count = 0;
  const cudaError_t result = cuda.get_device_count(&count);
  if (result != cudaSuccess || count == 0) {
    cuda.get_last_error();  // clears it, for whoever asks next
    throw Error(
        ExitCode::usage,
        fmt::format("no CUDA device: {}", result == cudaSuccess ? "none is visible" : cuda.get_error_string(result)),
        "parallel.backend", "look at nvidia-smi and CUDA_VISIBLE_DEVICES; on processors use parallel.backend = mpi");
  }
  if (count == 1) return 0;
  if (control.local_rank() >= count) {
    throw Error(ExitCode::usage,
                fmt::format("{} ranks on this host, but only {} CUDA devices", control.local_size(), count),
                "parallel.backend", "start at most one rank per device (mpirun --map-by ppr:N:node)");
  }
  return control.local_rank();
}

/// The same for all processes of one running machine, containers included, whose host names may lie.
std::string machine_id() {
  std::string id;
  if (std::ifstream file("/proc/sys/kernel/random/boot_id"); std::getline(file, id) && !id.empty()) return id;
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "host";
}

/// NCCL hangs, or says so much later, when two ranks use one device.
void refuse_shared_devices(Communicator& control, const std::string& pci) {
  const std::vector<std::string> places = control.all_gather(fmt::format("{} {}", machine_id(), pci));
  std::map<std::string, std::vector<std::size_t>> ranks;
  for (std::size_t rank = 0; rank < places.size(); ++rank) ranks[places[rank]].push_back(rank);
  for (const auto& [place, who] : ranks) {
    if (who.size() == 1) continue;
    const Error error(
        ExitCode::usage,
        fmt::format("ranks {} would use the same CUDA device ({})", fmt::join(who, ", "),
                    place.substr(place.find(' ') + 1)),
        "parallel.backend",
        "NCCL needs a device for each rank: start fewer ranks, or show each rank another device (CUDA_VISIBLE_DEVICES, "
        "Slurm's --gpus-per-task)");
    throw AgreedError(error, error.place());  // all ranks see the same list
  }
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> control, double timeout_seconds, DeviceHooks hooks)
      : control_(std::move(control)), hooks_(std::move(hooks)) {
    if (timeout_seconds > 0) {
      patience_.start = timeout_seconds / 2;  // before the watchdog takes those who wait for a stall
      patience_.finish = timeout_seconds;
      patience_.abort = std::min(patience_.abort, timeout_seconds);
    }
    std::string pci;
    together(*control_, [&] {
      libraries_ = load_libraries();
      const CudaApi& cuda = libraries_->cuda;
      device_ = choose_device(cuda, *control_);
      std::array<char, 32> text{};
      cuda.check(cuda.device_get_pci_bus_id(text.data(), text.size(), device_), "cudaDeviceGetPCIBusId");
      pci = text.data();
    });
    refuse_shared_devices(*control_, pci);
    together(*control_, [&] { libraries_->cuda.check(libraries_->cuda.set_device(device_), "cudaSetDevice"); });
    if (rank() != 0) return;
    log_info(fmt::format("NCCL {} ({}), CUDA runtime {} ({}), device {} at {}", libraries_->nccl.version,
                         libraries_->nccl.path, libraries_->cuda.version, libraries_->cuda.path, device_, pci));
  }

  std::string name() const override { return "nccl"; }
  int rank() const override { return control_->rank(); }
  int size() const override { return control_->size(); }
  int local_rank() const override { return control_->local_rank(); }
  int local_size() const override { return control_->local_size(); }

  void all_reduce_sum(std::span<float> values) override { control_->all_reduce_sum(values); }
  void all_reduce_sum(std::span<double> values) override { control_->all_reduce_sum(values); }
  void all_reduce_max(std::span<double> values) override { control_->all_reduce_max(values); }
  void broadcast(void* data, std::size_t bytes, int root) override { control_->broadcast(data, bytes, root); }
  std::vector<std::string> all_gather(const std::string& text) override { return control_->all_gather(text); }
  std::vector<std::string> gather(const std::string& bytes, int root) override { return control_->gather(bytes, root); }
  void send(const void* data, std::size_t bytes, int to) override { control_->send(data, bytes, to); }
  void receive(void* data, std::size_t bytes, int from) override { control_->receive(data, bytes, from); }
  void all_to_all(std::span<const std::span<const std::byte>> to_each,
                  std::span<const std::span<std::byte>> from_each) override {
    control_->all_to_all(to_each, from_each);
  }
  void barrier() override { control_->barrier(); }
  std::unique_ptr<Communicator> duplicate(const std::string& purpose) override { return control_->duplicate(purpose); }
  Watchdog* watchdog() noexcept override { return control_->watchdog(); }
  [[noreturn]] void abort(int exit_code) override {
    control_->abort(exit_code);
    std::_Exit(exit_code);
  }

  std::unique_ptr<GradientChannel> gradient_channel() override {
    Watchdog& watchdog = control_->watchdog() != nullptr ? *control_->watchdog() : unwatched_;
    return make_nccl_channel(*control_, watchdog, libraries_->cuda, libraries_->nccl, device_, hooks_, patience_);
  }

 private:
  std::unique_ptr<Communicator> control_;
  const DeviceHooks hooks_;
  NcclPatience patience_;
  std::optional<Libraries> libraries_;
  int device_ = 0;
  Watchdog unwatched_{0, {}};  // holds lanes where nobody watches
};

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control, double timeout_seconds,
                                                     DeviceHooks hooks) {
  return std::make_unique<NcclCommunicator>(std::move(control), timeout_seconds, std::move(hooks));
}

}  // namespace pathline::parallel
