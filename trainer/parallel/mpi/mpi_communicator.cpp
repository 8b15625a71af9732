#include "trainer/parallel/mpi/mpi_communicator.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <mpi.h>

#include "core/error.h"
#include "core/log.h"
#include "trainer/parallel/watchdog.h"

namespace pathline::parallel {
namespace {

// MPI counts are ints; larger buffers go in pieces.
constexpr std::size_t kPiece = std::size_t{1} << 28;
constexpr int kPointTag = 1, kExchangeTag = 2, kAlarmTag = 3;

/// A communicator that is freed with the object, if MPI is still there.
class OwnedComm {
 public:
  explicit OwnedComm(MPI_Comm comm = MPI_COMM_NULL) : comm_(comm) {}
  ~OwnedComm() {
    int finalized = 0;
    if (comm_ != MPI_COMM_NULL && MPI_Finalized(&finalized) == MPI_SUCCESS && finalized == 0) MPI_Comm_free(&comm_);
  }
  OwnedComm(const OwnedComm&) = delete;
  OwnedComm& operator=(const OwnedComm&) = delete;
  MPI_Comm* operator&() { return &comm_; }
  operator MPI_Comm() const { return comm_; }  // NOLINT(google-explicit-constructor): stands for the handle

 private:
  MPI_Comm comm_;
};

/// The watchdog of the whole job on this rank, shared by all communicators, and what its ranks tell each other when
/// one of them has waited too long: every rank says where it is before the job ends, the one that is waited for too.
class JobWatch {
 public:
  explicit JobWatch(const StallPolicy& policy) : advice_(policy.advice) {
    MPI_Comm_dup(MPI_COMM_WORLD, &alarm_comm_);
    MPI_Comm_set_errhandler(alarm_comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(alarm_comm_, &rank_);
    MPI_Comm_size(alarm_comm_, &size_);
    watchdog_.emplace(
        policy.timeout_seconds, [this](const std::string& what) { give_up(what); }, [this] { answer_alarm(); });
  }

  Watchdog& watchdog() { return *watchdog_; }

 private:
  /// Runs on the watchdog's thread. The others answer an alarm within a look; then the job ends.
  void give_up(const std::string& what) {
    answer_alarm();
    if (answered_) {
      // A peer has raised the alarm already and ends the job; that this rank now waits too says nothing new.
      end_at_the_latest();
    }
    // Should MPI itself be stuck, neither the alarm nor MPI_Abort may keep this rank from ending.
    std::thread([this] {
      for (int peer = 0; peer < size_; ++peer) {
        MPI_Request request;  // never waited for: the job ends below, and the peer may be gone
        if (peer != rank_) MPI_Isend(nullptr, 0, MPI_BYTE, peer, kAlarmTag, alarm_comm_, &request);
      }
      end_at_the_latest();
    }).detach();
    log_error(fmt::format("rank {} of {}: {}. A peer hangs, is lost or is elsewhere. Ending the job {}", rank_, size_,
                          what, advice_));
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    MPI_Abort(MPI_COMM_WORLD, static_cast<int>(ExitCode::peer));
    std::_Exit(static_cast<int>(ExitCode::peer));
  }

  /// Where nothing else has ended this rank by then.
  [[noreturn]] static void end_at_the_latest() {
    std::this_thread::sleep_for(std::chrono::seconds(15));
    std::_Exit(static_cast<int>(ExitCode::peer));
  }

  void answer_alarm() {
    if (answered_) return;
    int alarmed = 0;
    if (MPI_Iprobe(MPI_ANY_SOURCE, kAlarmTag, alarm_comm_, &alarmed, MPI_STATUS_IGNORE) != MPI_SUCCESS || alarmed == 0)
      return;
    answered_ = true;
    log_error(
        fmt::format("rank {} of {}: another rank has waited too long. Here: {}", rank_, size_, watchdog_->report()));
  }

  const std::string advice_;
  OwnedComm alarm_comm_;
  int rank_ = 0, size_ = 1;
  bool answered_ = false;             // the watchdog's thread only
  std::optional<Watchdog> watchdog_;  // last: its thread uses the members above
};

class MpiCommunicator final : public Communicator {
 public:
  /// `in_background`: its thread works beside another that computes, and must not take a core for waiting.
  MpiCommunicator(std::shared_ptr<JobWatch> watch, MPI_Comm parent, const std::string& purpose, bool in_background)
      : watch_(std::move(watch)), lane_(watch_->watchdog().add_lane(purpose)), in_background_(in_background) {
    check(MPI_Comm_dup(parent, &world_), "MPI_Comm_dup");
    // The default handler kills the job with MPI's own text; we want an Error with our exit code.
    check(MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(world_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(world_, &size_), "MPI_Comm_size");
    MPI_Comm host;
    check(MPI_Comm_split_type(world_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &host), "MPI_Comm_split_type");
    check(MPI_Comm_rank(host, &local_rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(host, &local_size_), "MPI_Comm_size");
    check(MPI_Comm_free(&host), "MPI_Comm_free");
  }

  std::string name() const override { return "mpi"; }
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return local_rank_; }
  int local_size() const override { return local_size_; }

  void all_reduce_sum(std::span<float> values) override {
    all_reduce(values.data(), values.size(), sizeof(float), MPI_FLOAT, MPI_SUM, "all_reduce_sum of floats");
  }
  void all_reduce_sum(std::span<double> values) override {
    all_reduce(values.data(), values.size(), sizeof(double), MPI_DOUBLE, MPI_SUM, "all_reduce_sum");
  }
  void all_reduce_max(std::span<double> values) override {
    all_reduce(values.data(), values.size(), sizeof(double), MPI_DOUBLE, MPI_MAX, "all_reduce_max");
  }

  void broadcast(void* data, std::size_t bytes, int root) override {
    const Watchdog::Scope scope(lane_, "broadcast", bytes);
    auto* at = static_cast<char*>(data);
    for (; bytes > 0; at += std::min(bytes, kPiece), bytes -= std::min(bytes, kPiece)) {
      check(MPI_Bcast(at, static_cast<int>(std::min(bytes, kPiece)), MPI_BYTE, root, world_), "MPI_Bcast");
    }
  }

  std::vector<std::string> all_gather(const std::string& text) override {
    const Watchdog::Scope scope(lane_, "all_gather");
    const int mine = checked_count(text.size());
    std::vector<int> counts(static_cast<std::size_t>(size_));
    check(MPI_Allgather(&mine, 1, MPI_INT, counts.data(), 1, MPI_INT, world_), "MPI_Allgather");
    const std::vector<int> starts = starts_of(counts);
    std::string all(static_cast<std::size_t>(starts.back()), '\0');
    check(MPI_Allgatherv(text.data(), mine, MPI_CHAR, all.data(), counts.data(), starts.data(), MPI_CHAR, world_),
          "MPI_Allgatherv");
    return pieces_of(all, counts, starts);
  }

  std::vector<std::string> gather(const std::string& bytes, int root) override {
    const Watchdog::Scope scope(lane_, "gather");
    // Point to point, so that a piece may be larger than an int counts.
    std::uint64_t mine = bytes.size();
    std::vector<std::uint64_t> sizes(static_cast<std::size_t>(size_));
    check(MPI_Gather(&mine, 1, MPI_UINT64_T, sizes.data(), 1, MPI_UINT64_T, root, world_), "MPI_Gather");
    if (rank_ != root) {
      send_pieces(bytes.data(), bytes.size(), root);
      return {};
    }
    std::vector<std::string> all(static_cast<std::size_t>(size_));
    for (int from = 0; from < size_; ++from) {
      std::string& piece = all[static_cast<std::size_t>(from)];
      if (from == root) {
        piece = bytes;
      } else {
        piece.resize(sizes[static_cast<std::size_t>(from)]);
        receive_pieces(piece.data(), piece.size(), from);
      }
    }
    return all;
  }

  void send(const void* data, std::size_t bytes, int to) override {
    const Watchdog::Scope scope(lane_, "send");
    send_pieces(data, bytes, to);
  }

  void receive(void* data, std::size_t bytes, int from) override {
    const Watchdog::Scope scope(lane_, "receive");
    receive_pieces(data, bytes, from);
  }

  void all_to_all(std::span<const std::span<const std::byte>> to_each,
                  std::span<const std::span<std::byte>> from_each) override {
    std::size_t bytes = 0;
    for (const auto& part : to_each) bytes += part.size();
    const Watchdog::Scope scope(lane_, "all_to_all", bytes);
    const auto ranks = static_cast<std::size_t>(size_);
    const auto self = static_cast<std::size_t>(rank_);
    if (to_each.size() != ranks || from_each.size() != ranks || to_each[self].size() != from_each[self].size()) {
      throw std::logic_error("all_to_all: one entry per rank, and equal sizes at both ends");
    }
    std::vector<MPI_Request> requests;
    for (std::size_t peer = 0; peer < ranks; ++peer) {
      if (peer == self) continue;
      for (std::size_t at = 0; at < from_each[peer].size(); at += kPiece) {
        const auto piece = from_each[peer].subspan(at, std::min(kPiece, from_each[peer].size() - at));
        check(MPI_Irecv(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, static_cast<int>(peer), kExchangeTag,
                        world_, &requests.emplace_back()),
              "MPI_Irecv");
      }
    }
    for (std::size_t peer = 0; peer < ranks; ++peer) {
      if (peer == self) continue;
      for (std::size_t at = 0; at < to_each[peer].size(); at += kPiece) {
        const auto piece = to_each[peer].subspan(at, std::min(kPiece, to_each[peer].size() - at));
        check(MPI_Isend(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, static_cast<int>(peer), kExchangeTag,
                        world_, &requests.emplace_back()),
              "MPI_Isend");
      }
    }
    if (!to_each[self].empty() && to_each[self].data() != from_each[self].data()) {
      std::memmove(from_each[self].data(), to_each[self].data(), to_each[self].size_bytes());
    }
    wait_for(requests);
  }

  void barrier() override {
    const Watchdog::Scope scope(lane_, "barrier");
    check(MPI_Barrier(world_), "MPI_Barrier");
  }

  std::unique_ptr<Communicator> duplicate(const std::string& purpose) override {
    return std::make_unique<MpiCommunicator>(watch_, world_, purpose, /*in_background=*/true);
  }

  Watchdog* watchdog() noexcept override { return &watch_->watchdog(); }

  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::_Exit(exit_code);
  }

 private:
  void check(int code, const char* call) const {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    throw Error(ExitCode::peer, fmt::format("{} failed: {}", call, std::string(text, static_cast<std::size_t>(length))),
                fmt::format("rank {} of {}", rank_, size_),
                "another rank or the network has gone; start the same command again to go on from the last checkpoint");
  }

  /// MPI waits by polling without a pause, which would halve the speed of a backward on the same cores. Polling from
  /// time to time moves the data just as well: sockets and shared segments buffer more than arrives in a pause.
  void wait_for(std::vector<MPI_Request>& requests) {
    const int count = static_cast<int>(requests.size());
    if (!in_background_) {
      check(MPI_Waitall(count, requests.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
      return;
    }
    constexpr int kEagerPolls = 50;
    int done = 0;
    for (int poll = 0; done == 0; ++poll) {
      check(MPI_Testall(count, requests.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
      if (done == 0 && poll >= kEagerPolls) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  void all_reduce(void* data, std::size_t count, std::size_t item, MPI_Datatype type, MPI_Op op, const char* name) {
    const Watchdog::Scope scope(lane_, name, count);
    auto* at = static_cast<char*>(data);
    while (count > 0) {
      const std::size_t piece = std::min(count, kPiece);
      check(MPI_Allreduce(MPI_IN_PLACE, at, static_cast<int>(piece), type, op, world_), "MPI_Allreduce");
      at += piece * item;
      count -= piece;
    }
  }

  void send_pieces(const void* data, std::size_t bytes, int to) {
    const auto* at = static_cast<const char*>(data);
    for (; bytes > 0; at += std::min(bytes, kPiece), bytes -= std::min(bytes, kPiece)) {
      check(MPI_Send(at, static_cast<int>(std::min(bytes, kPiece)), MPI_BYTE, to, kPointTag, world_), "MPI_Send");
    }
  }

  void receive_pieces(void* data, std::size_t bytes, int from) {
    auto* at = static_cast<char*>(data);
    for (; bytes > 0; at += std::min(bytes, kPiece), bytes -= std::min(bytes, kPiece)) {
      check(
          MPI_Recv(at, static_cast<int>(std::min(bytes, kPiece)), MPI_BYTE, from, kPointTag, world_, MPI_STATUS_IGNORE),
          "MPI_Recv");
    }
  }

  static int checked_count(std::size_t count) {
    if (count > kPiece) throw std::logic_error("all_gather is for short texts; use gather");
    return static_cast<int>(count);
  }

  /// Start of each piece, and the total as one more entry.
  static std::vector<int> starts_of(const std::vector<int>& counts) {
    std::vector<int> starts(counts.size() + 1, 0);
    for (std::size_t i = 0; i < counts.size(); ++i) starts[i + 1] = starts[i] + counts[i];
    return starts;
  }

  static std::vector<std::string> pieces_of(const std::string& all, const std::vector<int>& counts,
                                            const std::vector<int>& starts) {
    std::vector<std::string> pieces;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      pieces.push_back(all.substr(static_cast<std::size_t>(starts[i]), static_cast<std::size_t>(counts[i])));
    }
    return pieces;
  }

  std::shared_ptr<JobWatch> watch_;
  Watchdog::Lane& lane_;
  const bool in_background_;
  OwnedComm world_;
  int rank_ = 0, size_ = 1, local_rank_ = 0, local_size_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(const StallPolicy& policy) {
  return std::make_unique<MpiCommunicator>(std::make_shared<JobWatch>(policy), MPI_COMM_WORLD, policy.purpose,
                                           policy.in_background);
}

}  // namespace pathline::parallel
