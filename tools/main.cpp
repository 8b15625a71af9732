// The `pathline` command: picks the subcommand, and is the one place where an error becomes a message and an exit code.
//
// Under mpirun every rank runs main(). When they all fail alike (a misspelt option), rank 0 says so once; when one
// fails alone while its peers wait for it in a collective, it says so and ends the whole job. Ranks find out which of
// the two it is by exchanging their outcomes at the end over a communicator of their own; a failed rank waits only so
// long for its peers before it takes them down.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <vector>

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "core/log.h"
#include "core/plain_text.h"
#include "core/process_setup.h"
#include "core/stop_signal.h"
#include "core/terminal.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/version.h"
#include "trainer/parallel/agreement.h"

namespace {

using pathline::Error;
using pathline::ExitCode;
using pathline::tools::CommandContext;

/// Not in core/error.h because nobody may throw it: a mistake in pathline itself, or no memory left.
constexpr int exit_internal = 1;
/// How long a failed rank waits to learn whether its peers failed too.
constexpr std::chrono::seconds peer_patience{5};

struct Command {
  const char* name;
  const char* summary;  ///< empty: not in --help
  int (*run)(const std::vector<std::string>&, CommandContext&);
};

const std::vector<Command> commands = {
    {"train", "train a velocity network on image shards (under mpirun: data-parallel)", pathline::tools::run_train},
    {"sample", "draw samples from a checkpoint or a closed-form field with a solver plugin",
     pathline::tools::run_sample},
    {"sweep", "compare solvers at equal cost: error against evaluations, CSV and HTML report",
     pathline::tools::run_sweep},
    {"solvers", "list, explain, start and examine solver plugins", pathline::tools::run_solvers},
    {"shards", "convert data sets into image shards, look at them, check every byte", pathline::tools::run_shards},
    {"checkpoint", "look at, verify, export and import checkpoints", pathline::tools::run_checkpoint},
    {"docs", "", pathline::tools::run_docs},
};

std::string help_text() {
  std::string text =
      "Usage: pathline COMMAND …\n"
      "       mpirun -n N pathline COMMAND …\n\n"
      "Trains flow-matching generative models and samples from them through plug-in ODE solvers.\n\nCommands:\n";
  for (const Command& command : commands) {
    if (*command.summary != 0) text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  text +=
      "\nOptions:\n"
      "  --help      show this text; `pathline COMMAND --help` says more about a command\n"
      "  --version   versions of pathline and of all its libraries\n"
      "  --verbose   before the command: log more\n\n"
      "Results go to files and stdout, progress and logs to stderr.\n\n"
      "Exit codes:\n"
      "  0  done                                          4  file system (full, denied, missing)\n"
      "  1  internal error, or out of memory              5  numerical failure (non-finite, solver stopped early)\n"
      "  2  wrong usage or configuration                  6  lost or stalled peer rank\n"
      "  3  bad input (corrupt or foreign file, plugin)  75  stopped on request; the same command resumes\n\n"
      "train, sweep, shards create and solvers fit stop on request: SIGTERM, SIGINT (Ctrl-C), SIGUSR1, SIGHUP.\n";
  return text;
}

/// How a rank ended: exit code and, if it failed, what to print.
struct Outcome {
  int code = 0;
  std::string message;
  bool agreed = false;  ///< every rank has failed with this error, so that all of them will report it in the end
  bool operator<(const Outcome& other) const { return std::tie(code, message) < std::tie(other.code, other.message); }
  std::string serialize() const { return std::to_string(code) + "\n" + message; }
  static Outcome parse(const std::string& text) {
    const auto end = text.find('\n');
    return {std::stoi(text.substr(0, end)), text.substr(end + 1)};
  }
};

/// Whether this is a command that stops in good order when it is asked to: such a request is noted from the first
/// moment on, though the work looks at it only later.
bool stops_in_good_order(const std::vector<std::string>& arguments) {
  const std::size_t at = !arguments.empty() && arguments[0] == "--verbose" ? 1 : 0;
  const auto word = [&](std::size_t i) { return at + i < arguments.size() ? arguments[at + i] : std::string(); };
  return word(0) == "train" || word(0) == "sweep" || (word(0) == "shards" && word(1) == "create") ||
         (word(0) == "solvers" && word(1) == "fit");
}

Outcome run(std::vector<std::string> arguments, CommandContext& context) {
  if (!arguments.empty() && arguments[0] == "--verbose") arguments.erase(arguments.begin());
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" || arguments[0] == "help") {
    // `pathline help sample` is `pathline sample --help`.
    if (arguments.size() > 1 && arguments[0] == "help") return run({arguments[1], "--help"}, context);
    const std::string text = help_text();
    if (arguments.empty()) throw Error(ExitCode::usage, "expected a command\n\n" + text, "pathline");
    pathline::print_out(text);
    return {};
  }
  if (arguments[0] == "--version") {
    pathline::print_out(pathline::tools::version_text());
    return {};
  }
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (arguments[0] == command.name) return {command.run({arguments.begin() + 1, arguments.end()}, context), ""};
    names.emplace_back(command.name);
  }
  const bool option = arguments[0].compare(0, 1, "-") == 0;
  const std::string nearest = option ? pathline::nearest_name(arguments[0], {"--help", "--version", "--verbose"})
                                     : pathline::nearest_name(arguments[0], names);
  throw Error(ExitCode::usage, option ? "unknown option before the command" : "unknown command", arguments[0],
              nearest.empty() ? "see pathline --help" : "did you mean " + nearest + "?");
}

Outcome out_of_memory(const std::string& detail) {
  return {exit_internal, "out of memory" + (detail.empty() ? "" : ": " + detail) +
                             "\n  hint: a smaller --batch or train.micro_batch needs less"};
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

Outcome run_and_catch(const std::vector<std::string>& arguments, CommandContext& context) {
  try {
    Outcome outcome = run(arguments, context);
    // The result may have gone to a pipe that nobody reads any more (`| head`), which is fine, or to a full disk, which
    // is not.
    if (outcome.code == 0) pathline::finish_output();
    return outcome;
  } catch (const pathline::parallel::AgreedError& error) {
    return {static_cast<int>(error.code()), error.what(), /*agreed=*/true};
  } catch (const Error& error) {
    return {static_cast<int>(error.code()), error.what()};
  } catch (const std::bad_alloc&) {
    return out_of_memory("");
  } catch (const c10::Error& error) {
    // LibTorch's what() carries a stack trace; the first line is what a user can act on.
    const std::string line = first_line(error.what_without_backtrace());
    if (line.find("can't allocate memory") != std::string::npos || dynamic_cast<const c10::OutOfMemoryError*>(&error)) {
      return out_of_memory(line);
    }
    return {exit_internal, "internal error in LibTorch: " + line};
  } catch (const std::system_error& error) {
    return {static_cast<int>(ExitCode::file_system), first_line(error.what())};
  } catch (const std::exception& error) {
    return {exit_internal, std::string("internal error: ") + first_line(error.what())};
  }
}

void print_error(const std::string& message) {
  std::fflush(stdout);
  pathline::print_err(pathline::plain_message("pathline: error: " + message) + "\n");
}

/// Exchanges outcomes with the other ranks and prints each distinct error once. Returns the exit code of the whole job.
int conclude(pathline::parallel::Communicator& channel, const Outcome& mine) {
  if (channel.size() == 1) {
    if (mine.code != 0 && !mine.message.empty()) print_error(mine.message);
    return mine.code;
  }
  // With an error that all ranks have agreed on, nobody is missing; one may still be writing its last checkpoint.
  const bool failed = !mine.message.empty() && !mine.agreed;
  if (failed && mine.code == static_cast<int>(ExitCode::peer)) {
    // A peer is gone: an exchange with it cannot end.
    print_error(fmt::format("rank {}: {}", channel.rank(), mine.message));
    channel.abort(mine.code);
  }
  std::promise<std::vector<std::string>> promise;
  std::future<std::vector<std::string>> everyone = promise.get_future();
  std::thread exchange([&] {
    try {
      promise.set_value(channel.all_gather(mine.serialize()));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  });
  if (failed && everyone.wait_for(peer_patience) != std::future_status::ready) {
    print_error(fmt::format("rank {}: {}", channel.rank(), mine.message));
    channel.abort(mine.code);  // does not return; the exchange thread dies with the process
  }
  exchange.join();
  int code = 0;
  std::set<Outcome> distinct;
  const std::vector<std::string> texts = everyone.get();
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    const Outcome outcome = Outcome::parse(texts[rank]);
    if (outcome.code != 0 && code == 0) code = outcome.code;
    if (channel.rank() != 0 || outcome.message.empty() || !distinct.insert(outcome).second) continue;
    const bool everywhere =
        std::count(texts.begin(), texts.end(), texts[rank]) == static_cast<std::ptrdiff_t>(texts.size());
    print_error(everywhere ? outcome.message : fmt::format("rank {}: {}", rank, outcome.message));
  }
  return code;
}

/// Half a second goes by before main(), while LibTorch and its libraries set themselves up. A request to stop that
/// comes in that time waits: this runs before all of them. (The executable's .preinit_array: System V ABI,
/// Initialization and Termination Functions.)
sigset_t mask_at_start;
void hold_requests() {
  const sigset_t requests = pathline::stop_signals();
  sigprocmask(SIG_BLOCK, &requests, &mask_at_start);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const hold_requests_first)() = hold_requests;

}  // namespace

int main(int argc, char** argv) {
  pathline::set_up_process();
  try {
    std::vector<std::string> command_line(argv, argv + argc);
    const std::vector<std::string> arguments(command_line.begin() + 1, command_line.end());
    // Before MPI, whose start takes a good part of a second: a scheduler's signal in that time would kill the rank.
    std::optional<pathline::StopSignal> stop;
    if (stops_in_good_order(arguments)) stop.emplace();
    sigprocmask(SIG_SETMASK, &mask_at_start, nullptr);  // what has come so far comes now
    pathline::parallel::Session session(&argc, &argv);
    const auto channel = session.communicator();
    pathline::setup_logging(channel->rank(), channel->size(), !arguments.empty() && arguments[0] == "--verbose");
    if (channel->rank() > 0 && !std::freopen("/dev/null", "w", stdout))
      std::fclose(stdout);  // results are rank 0's to print
    CommandContext context{&session, command_line, stop ? &*stop : nullptr};
    return conclude(*channel, run_and_catch(arguments, context));
  } catch (const Error& error) {  // MPI could not be started
    print_error(error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    print_error(first_line(error.what()));
    return exit_internal;
  }
}
