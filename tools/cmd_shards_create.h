#pragma once
// `pathline shards create`: every kind of input in, verified shards out. For cmd_shards.cpp.

#include <string>
#include <vector>

namespace pathline::tools {

int create_shards(const std::vector<std::string>& arguments);

}  // namespace pathline::tools
