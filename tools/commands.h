#pragma once
// One function per subcommand of `pathline`. `arguments` are what followed the subcommand's name. Each returns the exit
// code for success (0, or 75 when stopped on request) and throws pathline::Error otherwise; main.cpp prints it once and
// maps it to the exit code.

#include <string>
#include <vector>

#include "trainer/parallel/communicator.h"
#include "trainer/parallel/session.h"

namespace pathline {
class StopSignal;
}

namespace pathline::tools {

/// What main() knows before a subcommand runs.
struct CommandContext {
  parallel::Session* session = nullptr;
  std::vector<std::string> command_line;  ///< the whole of it, for provenance records
  const StopSignal* stop = nullptr;       ///< for commands that stop in good order; null: this one just ends
};

int run_train(const std::vector<std::string>& arguments, CommandContext& context);       // cmd_train.cpp
int run_sample(const std::vector<std::string>& arguments, CommandContext& context);      // cmd_sample.cpp
int run_sweep(const std::vector<std::string>& arguments, CommandContext& context);       // cmd_sweep.cpp
int run_solvers(const std::vector<std::string>& arguments, CommandContext& context);     // cmd_solvers.cpp
int run_shards(const std::vector<std::string>& arguments, CommandContext& context);      // cmd_shards.cpp
int run_checkpoint(const std::vector<std::string>& arguments, CommandContext& context);  // cmd_checkpoint.cpp
int run_docs(const std::vector<std::string>& arguments, CommandContext& context);        // cmd_docs.cpp

}  // namespace pathline::tools
