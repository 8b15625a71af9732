// All timestep distributions. A new one is a file beside uniform.cpp and a line here.

#include "flow/times/time_distribution.h"

// clang-format off
#define PATHLINE_TIME_DISTRIBUTIONS(ENTRY) \
  ENTRY(uniform) \
  ENTRY(logit_normal) \
  ENTRY(beta) \
  /* end of the list */
// clang-format on

namespace pathline::flow {

using Entry = MethodEntry<TimeDistribution>;

namespace times {
PATHLINE_TIME_DISTRIBUTIONS(PATHLINE_DECLARE_ENTRY)

static MethodTable<TimeDistribution> all() {
  static const Entry table[] = {PATHLINE_TIME_DISTRIBUTIONS(PATHLINE_LIST_ENTRY)};
  return table;
}
}  // namespace times

MethodTable<TimeDistribution> time_distributions() {
  return times::all();
}

std::shared_ptr<const TimeDistribution> make_time_distribution(std::string_view text) {
  return make_method(time_distributions(), "timestep distribution", text);
}

}  // namespace pathline::flow
