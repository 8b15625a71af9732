// Lists the solvers on the search path; for tests/tools/plugin_trust.sh, which gives it the set-user-id bit.

#include <cstdio>

#include <unistd.h>

#include "solvers/solver_host.h"

int main() {
  std::printf("as user %d\n", static_cast<int>(::geteuid()));
  for (const auto& solver : pathline::solvers::list_solvers()) std::printf("%s\n", solver->info().id.c_str());
}
