#pragma once
// The actions of `pathline shards`; for cmd_shards.cpp.

#include <string>
#include <vector>

namespace pathline::tools {

int create_shards(const std::vector<std::string>& arguments);     // cmd_shards_create.cpp
int info_of_shards(const std::vector<std::string>& arguments);    // cmd_shards_info.cpp
int verify_shards_of(const std::vector<std::string>& arguments);  // cmd_shards_verify.cpp

}  // namespace pathline::tools
