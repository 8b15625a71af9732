#pragma once
// What one step's exchange of gradients took on one rank.

#include <cstdint>

namespace pathline::parallel {

struct CommunicationCounters {
  std::uint64_t bytes = 0;  ///< handed to collectives on gradients
  std::uint64_t collectives = 0;
  double seconds = 0;          ///< the communication thread was busy
  double exposed_seconds = 0;  ///< of which the training thread had nothing to do but wait
};

}  // namespace pathline::parallel
