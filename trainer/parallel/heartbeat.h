#pragma once
// Tells ranks that work from ranks that hang where each works for itself for long (samples, cells of a sweep): whoever
// is done first may wait for the others for hours, so a limit on waiting would end good jobs. Instead a thread of every
// rank meets the others' every few seconds, over a communicator of its own that has the limit (StallPolicy): a rank
// that is stopped or lost misses the meeting, and the watchdog ends the job. What it does not see is a rank that runs
// and makes no headway.
//
// A meeting takes log2(ranks) small messages per rank. Ownership: the object owns thread and communicator.
// Thread-safety: constructor and destructor are collective, and for the thread that made it.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/session.h"

namespace pathline::parallel {

class Heartbeat {
 public:
  /// Of one rank, there is none.
  Heartbeat(std::unique_ptr<Communicator> communicator, std::chrono::milliseconds interval);
  /// Returns when every rank has come here. While an exception passes it waits for two seconds only: if the others work
  /// on, the meetings go on without this rank's help until the process ends.
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  struct State {
    std::unique_ptr<Communicator> communicator;
    std::chrono::milliseconds interval;
    std::mutex mutex;  // finished, ended
    std::condition_variable changed;
    bool finished = false;  // this rank
    bool ended = false;     // the thread, because every rank is
  };
  static void run(State& state);

  std::shared_ptr<State> state_;  // shared with the thread, which may be left behind
  std::thread thread_;
};

/// Whether `mine` is true on every rank, over point-to-point messages to ranks at a distance of 1, 2, 4, … (a
/// dissemination barrier: Hensgen, Finkel & Manber 1988). Collective.
bool all_agree(Communicator& communicator, bool mine);

/// The heartbeat of a command with `--timeout SECONDS`; nothing for 0, or without MPI. `advice`: what to do, after
/// "Ending the job". Collective.
std::unique_ptr<Heartbeat> start_heartbeat(Session& session, double timeout_seconds, const std::string& advice);

}  // namespace pathline::parallel
