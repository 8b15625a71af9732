#pragma once
// The actions of `pathline solvers`, one file each; cmd_solvers.cpp lists them. Each takes what followed its name.

#include <string>
#include <vector>

namespace pathline::tools {

int check_solver(const std::vector<std::string>& arguments);  // cmd_solvers_check.cpp
int new_solver(const std::vector<std::string>& arguments);    // cmd_solvers_new.cpp

}  // namespace pathline::tools
