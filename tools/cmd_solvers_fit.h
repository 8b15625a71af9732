#pragma once
// `pathline solvers fit`, an action of `pathline solvers` with a file of its own (tools/cmd_solvers_fit.cpp).

#include <string>
#include <vector>

#include "tools/commands.h"

namespace pathline::tools {

/// As the functions of tools/commands.h.
int run_solvers_fit(const std::vector<std::string>& arguments, CommandContext& context);

}  // namespace pathline::tools
