// pathline docs configuration: pages of docs/ that are written from the program's own tables. Not in --help: for those
// who change the program.

#include "core/terminal.h"
#include "tools/commands.h"
#include "tools/configuration_page.h"
#include "tools/options.h"

namespace pathline::tools {
namespace {

int configuration(const std::vector<std::string>& arguments) {
  Options options("pathline docs configuration", "", "Prints docs/configuration.md.");
  if (!options.parse(arguments)) return 0;
  print_data(configuration_page());
  return 0;
}

}  // namespace

int run_docs(const std::vector<std::string>& arguments, CommandContext&) {
  return run_action("pathline docs", "Prints pages of docs/ that are written from the program's own tables.",
                    {{"configuration", "every key of a training configuration", configuration}}, arguments);
}

}  // namespace pathline::tools
