// A static constructor throws.
#include <stdexcept>

#include "minimal_solver.h"

namespace {
struct Thrower {
  Thrower() { throw std::runtime_error("no licence found"); }
} thrower;
}  // namespace

const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR, PATHLINE_ABI_MINOR, 1,
                                               solvers};
