#pragma once
// What data-parallel training needs of a message layer: agreement between the ranks, over host memory. Backends: self
// (one process), mpi, and nccl, which is mpi with another gradient channel
// (trainer/parallel/engine/gradient_channel.h).
//
// All ranks call the same functions in the same order, from one thread at a time. What another thread sends goes over
// a communicator of its own: duplicate(). Errors: Error(peer).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pathline::parallel {

class GradientChannel;
class Watchdog;

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual std::string name() const = 0;  ///< "self", "mpi", "nccl"
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_rank() const = 0;  ///< among the ranks of this host
  virtual int local_size() const = 0;

  virtual void all_reduce_sum(std::span<float> values) = 0;   ///< in place; order of summation unspecified
  virtual void all_reduce_sum(std::span<double> values) = 0;  ///< in place
  virtual void all_reduce_max(std::span<double> values) = 0;  ///< in place
  virtual void broadcast(void* data, std::size_t bytes, int root) = 0;
  virtual std::vector<std::string> all_gather(const std::string& text) = 0;  ///< one string per rank, on every rank
  virtual std::vector<std::string> gather(const std::string& bytes,
                                          int root) = 0;  ///< one per rank on root, empty elsewhere
  virtual void send(const void* data, std::size_t bytes, int to) = 0;
  virtual void receive(void* data, std::size_t bytes, int from) = 0;
  /// Rank r gets to_each[r] from this rank, which receives from_each[r] from it. Both have one entry per rank; sender
  /// and receiver must agree on every size (0 is fine). What a rank sends itself is copied, unless it is there already.
  virtual void all_to_all(std::span<const std::span<const std::byte>> to_each,
                          std::span<const std::span<std::byte>> from_each) = 0;
  virtual void barrier() = 0;

  /// A further communicator over the same ranks, whose messages never meet those of this one: for another thread.
  /// `purpose` ("gradients") names it in messages of the watchdog. Collective. Must not outlive this communicator.
  virtual std::unique_ptr<Communicator> duplicate(const std::string& purpose) = 0;
  /// What the communication thread reduces gradients with. Collective; must not outlive this communicator. Here: host
  /// memory over a duplicate().
  virtual std::unique_ptr<GradientChannel> gradient_channel();
  /// Who watches over the collectives of this rank, for lanes of others' collectives; null: nobody does.
  virtual Watchdog* watchdog() noexcept { return nullptr; }

  /// Ends the whole job with this exit code; does not return under MPI.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

/// One process.
std::unique_ptr<Communicator> make_self_communicator();

/// How long a rank waits for the others in one operation before it ends the whole job with exit code 6
/// (trainer/parallel/watchdog.h), and what it says then.
struct StallPolicy {
  double timeout_seconds = 0;        ///< 0: for ever
  std::string purpose = "training";  ///< names the operations
  std::string advice = "(parallel.timeout). Start the same command again to go on from the last checkpoint.";
  bool in_background = false;  ///< waits at leisure, beside a thread that computes
};

}  // namespace pathline::parallel
