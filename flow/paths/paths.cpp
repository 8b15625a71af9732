// All paths. A new one is a file beside linear.cpp and a line here.

#include "flow/paths/path.h"

// clang-format off
#define PATHLINE_PATHS(ENTRY) \
  ENTRY(linear) \
  ENTRY(cosine) \
  /* end of the list */
// clang-format on

namespace pathline::flow {

using Entry = MethodEntry<Path>;

namespace paths {
PATHLINE_PATHS(PATHLINE_DECLARE_ENTRY)

static MethodTable<Path> all() {
  static const Entry table[] = {PATHLINE_PATHS(PATHLINE_LIST_ENTRY)};
  return table;
}
}  // namespace paths

MethodTable<Path> path_table() {
  return paths::all();
}

std::shared_ptr<const Path> make_path(std::string_view text) {
  return make_method(path_table(), "path", text);
}

}  // namespace pathline::flow
