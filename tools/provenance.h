#pragma once
// Words for records of how a file came about. Thread-safe: pure functions.

#include <string>
#include <vector>

#include "solvers/solver_host.h"

namespace pathline::tools {

/// Now, UTC, "2026-05-01T09:30:00Z".
std::string utc_now();
/// The command line as one line that a shell takes back: words with special characters in single quotes.
std::string quote_command(const std::vector<std::string>& words);
/// "name=value;name=value": every parameter of the solver, given or default; a file is followed by its hash,
/// "name=PATH;name_sha256=HEX".
std::string describe_parameters(const solvers::SolverInfo& solver, const solvers::Parameters& given);

}  // namespace pathline::tools
