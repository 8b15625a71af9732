// All objectives. A new one is a file beside velocity.cpp and a line here.

#include "flow/objectives/objective.h"

// clang-format off
#define PATHLINE_OBJECTIVES(ENTRY) \
  ENTRY(velocity) \
  /* end of the list */
// clang-format on

namespace pathline::flow {

using Entry = MethodEntry<Objective>;

namespace objectives {
PATHLINE_OBJECTIVES(PATHLINE_DECLARE_ENTRY)

static MethodTable<Objective> all() {
  static const Entry table[] = {PATHLINE_OBJECTIVES(PATHLINE_LIST_ENTRY)};
  return table;
}
}  // namespace objectives

MethodTable<Objective> objective_table() {
  return objectives::all();
}

std::shared_ptr<const Objective> make_objective(std::string_view text) {
  return make_method(objective_table(), "objective", text);
}

}  // namespace pathline::flow
