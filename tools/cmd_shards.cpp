// pathline shards create | info | verify: makes shard folders, looks at them, checks every byte. Each in a file of its
// own.

#include "tools/cmd_shards.h"

#include "tools/commands.h"
#include "tools/options.h"

namespace pathline::tools {

int run_shards(const std::vector<std::string>& arguments, CommandContext&) {
  return run_action("pathline shards", "Image shards: the data that training reads.",
                    {{"create", "convert a data set into shards", create_shards},
                     {"info", "say what a shard folder holds", info_of_shards},
                     {"verify", "check every byte of a shard folder", verify_shards_of}},
                    arguments);
}

}  // namespace pathline::tools
