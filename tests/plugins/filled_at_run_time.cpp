// The table is filled in by a constructor instead of being constant.
#include <cstdlib>

#include "minimal_solver.h"

static pathline_plugin_table make_table() {
  return {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, std::getenv("PATH") ? 1u : 0u,
          solvers};
}

const pathline_plugin_table pathline_plugin = make_table();
