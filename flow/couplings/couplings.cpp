// All couplings. A new one is a file beside independent.cpp and a line here.

#include "flow/couplings/coupling.h"

// clang-format off
#define PATHLINE_COUPLINGS(ENTRY) \
  ENTRY(independent) \
  /* end of the list */
// clang-format on

namespace pathline::flow {

using Entry = MethodEntry<Coupling>;

namespace couplings {
PATHLINE_COUPLINGS(PATHLINE_DECLARE_ENTRY)

static MethodTable<Coupling> all() {
  static const Entry table[] = {PATHLINE_COUPLINGS(PATHLINE_LIST_ENTRY)};
  return table;
}
}  // namespace couplings

MethodTable<Coupling> coupling_table() {
  return couplings::all();
}

std::shared_ptr<const Coupling> make_coupling(std::string_view text) {
  return make_method(coupling_table(), "coupling", text);
}

}  // namespace pathline::flow
