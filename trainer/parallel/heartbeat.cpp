#include "trainer/parallel/heartbeat.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/log.h"

namespace pathline::parallel {

bool all_agree(Communicator& communicator, bool mine) {
  const int ranks = communicator.size(), rank = communicator.rank();
  std::vector<std::span<const std::byte>> to_each(static_cast<std::size_t>(ranks));
  std::vector<std::span<std::byte>> from_each(to_each.size());
  bool all = mine;
  for (int distance = 1; distance < ranks; distance *= 2) {
    const auto to = static_cast<std::size_t>((rank + distance) % ranks);
    const auto from = static_cast<std::size_t>((rank - distance + ranks) % ranks);
    const std::byte sent{all};
    std::byte received{0};
    to_each[to] = {&sent, 1};
    from_each[from] = {&received, 1};
    communicator.all_to_all(to_each, from_each);
    to_each[to] = {};
    from_each[from] = {};
    all = all && received != std::byte{0};
  }
  return all;
}

Heartbeat::Heartbeat(std::unique_ptr<Communicator> communicator, std::chrono::milliseconds interval) {
  if (communicator->size() == 1) return;
  state_ = std::make_shared<State>();
  state_->communicator = std::move(communicator);
  state_->interval = interval;
  thread_ = std::thread([state = state_] { run(*state); });
}

Heartbeat::~Heartbeat() {
  if (!thread_.joinable()) return;
  std::unique_lock lock(state_->mutex);
  state_->finished = true;
  state_->changed.notify_all();
  if (std::uncaught_exceptions() > 0) {
    constexpr std::chrono::seconds patience{2};
    if (!state_->changed.wait_for(lock, patience, [this] { return state_->ended; })) {
      thread_.detach();
      return;
    }
  }
  lock.unlock();
  thread_.join();
}

void Heartbeat::run(State& state) {
  try {
    std::unique_lock lock(state.mutex);
    while (!state.ended) {
      const bool finished = state.finished;
      lock.unlock();
      const bool all_finished = all_agree(*state.communicator, finished);
      lock.lock();
      state.ended = all_finished;
      if (!state.ended) state.changed.wait_for(lock, state.interval, [&] { return state.finished; });
    }
    state.changed.notify_all();
  } catch (const std::exception& error) {  // MPI says that a peer or the network has gone
    log_error(error.what());
    state.communicator->abort(static_cast<int>(ExitCode::peer));
  }
}

std::unique_ptr<Heartbeat> start_heartbeat(Session& session, double timeout_seconds, const std::string& advice) {
  if (timeout_seconds <= 0 || !session.active()) return nullptr;
  StallPolicy policy;
  policy.timeout_seconds = timeout_seconds;
  policy.purpose = "heartbeat";
  policy.advice = advice;
  policy.in_background = true;
  constexpr double longest_seconds = 10;
  const std::chrono::duration<double> interval(std::min(timeout_seconds / 4, longest_seconds));
  return std::make_unique<Heartbeat>(session.communicator(policy),
                                     std::chrono::duration_cast<std::chrono::milliseconds>(interval));
}

}  // namespace pathline::parallel
