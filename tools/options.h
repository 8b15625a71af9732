#pragma once
// Options of a subcommand: declared once, parsed strictly, printed by --help.
//
// Built on Boost.Program_options with its traps closed: no guessed abbreviations (`--step` is an error that names
// `--steps`), no option taken for another's value (`--out --steps 8` says that --out lacks its value; write
// `--out=--odd-name` to mean it), no repeated option unless declared so, no stray words. Every mistake is Error(usage)
// that names the option. Values are read as typed by the accessors below, with core/config's number parsing (1e6, 10k;
// -1 never becomes 4294967295; nan and inf refused). Thread-safety: none; an Options belongs to the subcommand that
// made it.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pathline::tools {

class Options {
 public:
  /// `command`: "pathline sample"; `synopsis`: what follows it in the usage line; `summary`: a sentence or two for
  /// --help.
  Options(std::string command, std::string synopsis, std::string summary);

  // Declaring
  // ------------------------------------------------------------------------------------------------------------------
  /// Starts a titled group of options in --help.
  void group(std::string title);
  /// `--name`, without a value.
  void flag(const std::string& name, const std::string& doc);
  /// `--name META`; with a default it is shown in --help and has(name) stays false until the user gives it.
  void value(const std::string& name, const std::string& meta, const std::string& doc,
             std::optional<std::string> default_value = std::nullopt);
  /// `--name META`, any number of times.
  void repeated(const std::string& name, const std::string& meta, const std::string& doc);
  /// Words that are not options: at least `minimum`, at most `maximum`.
  void positional(const std::string& meta, const std::string& doc, std::size_t minimum, std::size_t maximum);
  /// These options are paths, and with `words` the positional words too: `~` and $HOME at the start, which a shell
  /// leaves alone in `--name=~/…` and in quotes, are expanded (core/home_path.h); in a list, at the start of each item.
  void paths(const std::vector<std::string>& names, bool words = false);
  /// Text after the options in --help: examples, exit codes.
  void epilogue(std::string text);

  // Parsing
  // ----------------------------------------------------------------------------------------------------------------------
  /// False when --help (or -h) was asked for: the help has been printed on stdout and the subcommand should return 0.
  bool parse(const std::vector<std::string>& arguments);
  std::string help() const;

  // Reading (after parse)
  // ----------------------------------------------------------------------------------------------------------
  bool has(const std::string& name) const;                 ///< given by the user
  const std::string& text(const std::string& name) const;  ///< given or default; Error(usage) if neither
  std::int64_t integer(const std::string& name, std::int64_t minimum, std::int64_t maximum) const;
  double real(const std::string& name, double minimum, double maximum) const;
  const std::string& choice(const std::string& name, const std::vector<std::string>& choices) const;
  std::vector<std::int64_t> integers(const std::string& name, std::int64_t minimum,
                                     std::int64_t maximum) const;  ///< "4,8,16"
  std::vector<double> reals(const std::string& name, double minimum, double maximum) const;
  std::vector<std::string> texts(const std::string& name) const;       ///< "a,b,c" split at commas, no empty parts
  const std::vector<std::string>& all(const std::string& name) const;  ///< of a repeated option, in order
  const std::vector<std::string>& words() const noexcept { return words_; }  ///< the positional words

  /// Error(usage) about this option.
  [[noreturn]] void fail(const std::string& name, const std::string& message, const std::string& hint = {}) const;
  /// Error(usage) about the command line as a whole.
  [[noreturn]] void fail_command(const std::string& message) const;

 private:
  struct Option {
    std::string name, meta, doc, group;
    std::optional<std::string> default_value;
    bool is_flag = false, is_repeated = false, is_path = false;
  };
  const Option* find(const std::string& name) const;
  const Option& require(const std::string& name) const;
  void check_tokens(const std::vector<std::string>& arguments) const;
  void expand_paths();

  std::string command_, synopsis_, summary_, group_ = "Options", epilogue_;
  std::vector<Option> options_;
  std::string positional_meta_, positional_doc_;
  std::size_t positional_minimum_ = 0, positional_maximum_ = 0;
  bool words_are_paths_ = false;
  std::map<std::string, std::vector<std::string>> given_;
  std::vector<std::string> words_;
};

/// A subcommand of a subcommand: `pathline shards create`.
struct Action {
  std::string name, summary;
  std::function<int(const std::vector<std::string>& arguments)> run;
};

/// Runs the action that `arguments` begin with; prints the list for --help. Error(usage) with the nearest name for an
/// unknown or missing one.
int run_action(const std::string& command, const std::string& summary, const std::vector<Action>& actions,
               const std::vector<std::string>& arguments);

/// Greedy wrapping at `width` columns; every line but the first starts with `indent` spaces.
std::string wrap_text(const std::string& text, std::size_t width, std::size_t indent);

}  // namespace pathline::tools
