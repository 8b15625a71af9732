#include "tools/options.h"

#include <algorithm>
#include <sstream>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config.h"
#include "core/error.h"
#include "core/home_path.h"
#include "core/terminal.h"

namespace po = boost::program_options;

namespace pathline::tools {

namespace {

constexpr std::size_t help_width = 110;
constexpr std::size_t help_column = 30;

bool looks_like_option(const std::string& token) {
  return token.size() > 2 && token.compare(0, 2, "--") == 0;
}

/// "-x": nothing here has one-letter options but -h; a number ("-1", "-.5") and a lone "-" are values.
bool looks_like_short_option(const std::string& token) {
  return token.size() >= 2 && token[0] == '-' && token[1] != '-' && token[1] != '.' &&
         (token[1] < '0' || token[1] > '9');
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  if (!text.empty() && text.back() == ',') parts.emplace_back();
  return parts;
}

/// Columns on a terminal: UTF-8 continuation bytes take none.
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string did_you_mean(const std::string& nearest) {
  return nearest.empty() ? "" : "did you mean " + nearest + "?";
}

}  // namespace

Options::Options(std::string command, std::string synopsis, std::string summary)
    : command_(std::move(command)), synopsis_(std::move(synopsis)), summary_(std::move(summary)) {}

void Options::group(std::string title) {
  group_ = std::move(title);
}

void Options::flag(const std::string& name, const std::string& doc) {
  options_.push_back({name, "", doc, group_, std::nullopt, true, false, false});
}

void Options::value(const std::string& name, const std::string& meta, const std::string& doc,
                    std::optional<std::string> default_value) {
  options_.push_back({name, meta, doc, group_, std::move(default_value), false, false, false});
}

void Options::repeated(const std::string& name, const std::string& meta, const std::string& doc) {
  options_.push_back({name, meta, doc, group_, std::nullopt, false, true, false});
}

void Options::positional(const std::string& meta, const std::string& doc, std::size_t minimum, std::size_t maximum) {
  positional_meta_ = meta;
  positional_doc_ = doc;
  positional_minimum_ = minimum;
  positional_maximum_ = maximum;
}

void Options::paths(const std::vector<std::string>& names, bool words) {
  for (Option& option : options_) {
    if (std::find(names.begin(), names.end(), option.name) != names.end()) option.is_path = true;
  }
  words_are_paths_ = words_are_paths_ || words;
}

void Options::epilogue(std::string text) {
  epilogue_ = std::move(text);
}

const Options::Option* Options::find(const std::string& name) const {
  auto it = std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.name == name; });
  return it == options_.end() ? nullptr : &*it;
}

const Options::Option& Options::require(const std::string& name) const {
  const Option* option = find(name);
  if (!option) throw std::logic_error("option --" + name + " is read but was never declared");
  return *option;
}

void Options::fail(const std::string& name, const std::string& message, const std::string& hint) const {
  throw Error(ExitCode::usage, message, "--" + name, hint.empty() ? "see " + command_ + " --help" : hint);
}

void Options::fail_command(const std::string& message) const {
  throw Error(ExitCode::usage, message, command_, "see " + command_ + " --help");
}

void Options::check_tokens(const std::vector<std::string>& arguments) const {
  // Boost takes whatever follows a value option as its value, even another option; and it reports an unknown option
  // without the nearest one. Both are settled here, before it sees the tokens.
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back("--" + option.name);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& token = arguments[i];
    if (token == "--") break;  // the rest are words
    if (looks_like_short_option(token)) {
      throw Error(ExitCode::usage, "unknown option", token, "options are written --name; see " + command_ + " --help");
    }
    if (!looks_like_option(token)) continue;
    const auto equals = token.find('=');
    const std::string name = token.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Option* option = find(name);
    if (!option) {
      const std::string hint = did_you_mean(nearest_name("--" + name, names));
      throw Error(ExitCode::usage, "unknown option", "--" + name, hint.empty() ? "see " + command_ + " --help" : hint);
    }
    if (option->is_flag) {
      if (equals != std::string::npos) fail(name, "takes no value");
      continue;
    }
    if (equals != std::string::npos) {
      if (equals + 1 == token.size()) fail(name, "needs a value: " + option->meta);
      continue;
    }
    if (i + 1 == arguments.size()) fail(name, "needs a value: " + option->meta);
    const std::string& next = arguments[i + 1];
    if (next.empty()) fail(name, "needs a value: " + option->meta);
    if (looks_like_option(next) || next == "--" || looks_like_short_option(next)) {
      fail(name, "needs a value (" + option->meta + "), found the option " + next,
           "write --" + name + "=" + next + " if that is the value");
    }
    ++i;
  }
}

bool Options::parse(const std::vector<std::string>& arguments) {
  for (const std::string& token : arguments) {
    if (token == "--help" || token == "-h") {
      print_out(help());
      return false;
    }
  }
  check_tokens(arguments);

  po::options_description description;
  for (const Option& option : options_) {
    if (option.is_flag) {
      description.add_options()(option.name.c_str(), "");
    } else {
      description.add_options()(option.name.c_str(), po::value<std::vector<std::string>>(), "");
    }
  }
  po::options_description hidden;
  hidden.add_options()("_words", po::value<std::vector<std::string>>(), "");
  po::options_description everything;
  everything.add(description).add(hidden);
  po::positional_options_description words;
  words.add("_words", -1);

  using namespace po::command_line_style;
  // allow_short is left out so that "-1" is a value; allow_guessing so that names must be written out.
  const int style = allow_long | long_allow_adjacent | long_allow_next;
  try {
    const auto parsed = po::command_line_parser(arguments).options(everything).positional(words).style(style).run();
    for (const auto& item : parsed.options) {
      if (item.string_key == "_words") {
        words_.insert(words_.end(), item.value.begin(), item.value.end());
        continue;
      }
      auto& values = given_[item.string_key];
      if (!values.empty() && !require(item.string_key).is_repeated) fail(item.string_key, "given more than once");
      if (item.value.empty()) values.emplace_back();
      values.insert(values.end(), item.value.begin(), item.value.end());
    }
  } catch (const po::error& error) {
    fail_command(error.what());
  }

  if (words_.size() < positional_minimum_) fail_command("expected " + positional_meta_);
  if (words_.size() > positional_maximum_) {
    fail_command(fmt::format("unexpected word '{}'{}", words_[positional_maximum_],
                             positional_maximum_ == 0 ? "" : " after " + positional_meta_));
  }
  expand_paths();
  return true;
}

void Options::expand_paths() {
  for (auto& [name, values] : given_) {
    if (!require(name).is_path) continue;
    for (std::string& value : values) value = expand_home(value, "--" + name);
  }
  if (!words_are_paths_) return;
  for (std::string& word : words_) word = expand_home(word, positional_meta_);
}

std::string Options::help() const {
  std::string out = "Usage: " + command_ + (synopsis_.empty() ? "" : " " + synopsis_) + "\n\n";
  out += wrap_text(summary_, help_width, 0) + "\n";
  const auto line = [&](const std::string& left, const std::string& doc) {
    out += "  " + left;
    std::size_t column = 2 + columns_of(left);
    if (column + 2 > help_column) {
      out += "\n";
      column = 0;
    }
    out += std::string(help_column - column, ' ') + wrap_text(doc, help_width - help_column, help_column) + "\n";
  };
  if (!positional_meta_.empty()) {
    out += "\n";
    line(positional_meta_, positional_doc_);
  }
  std::string group;
  for (const Option& option : options_) {
    if (option.group != group) {
      group = option.group;
      out += "\n" + group + ":\n";
    }
    std::string doc = option.doc;
    if (option.default_value) doc += " (default " + *option.default_value + ")";
    if (option.is_repeated) doc += " (may be repeated)";
    line("--" + option.name + (option.meta.empty() ? "" : " " + option.meta), doc);
  }
  if (group != "Options") out += "\n";
  line("--help", "show this text");
  if (!epilogue_.empty()) out += "\n" + epilogue_ + (epilogue_.back() == '\n' ? "" : "\n");
  return out;
}

bool Options::has(const std::string& name) const {
  require(name);
  return given_.count(name) > 0;
}

const std::string& Options::text(const std::string& name) const {
  const Option& option = require(name);
  if (auto it = given_.find(name); it != given_.end()) return it->second.front();
  if (!option.default_value) fail(name, "is required: --" + name + " " + option.meta);
  return *option.default_value;
}

std::int64_t Options::integer(const std::string& name, std::int64_t minimum, std::int64_t maximum) const {
  return parse_integer(text(name), minimum, maximum, "--" + name);
}

double Options::real(const std::string& name, double minimum, double maximum) const {
  return parse_real(text(name), minimum, maximum, "--" + name);
}

const std::string& Options::choice(const std::string& name, const std::vector<std::string>& choices) const {
  const std::string& value = text(name);
  if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
    fail(name, fmt::format("expected one of {}, found '{}'", fmt::join(choices, ", "), value),
         did_you_mean(nearest_name(value, choices)));
  }
  return value;
}

std::vector<std::string> Options::texts(const std::string& name) const {
  std::vector<std::string> parts = split(text(name));
  for (std::string& part : parts) {
    if (part.empty()) fail(name, fmt::format("empty item in the list '{}'", text(name)));
    if (require(name).is_path) part = expand_home(part, "--" + name);
  }
  return parts;
}

std::vector<std::int64_t> Options::integers(const std::string& name, std::int64_t minimum, std::int64_t maximum) const {
  std::vector<std::int64_t> values;
  for (const std::string& part : texts(name)) values.push_back(parse_integer(part, minimum, maximum, "--" + name));
  return values;
}

std::vector<double> Options::reals(const std::string& name, double minimum, double maximum) const {
  std::vector<double> values;
  for (const std::string& part : texts(name)) values.push_back(parse_real(part, minimum, maximum, "--" + name));
  return values;
}

const std::vector<std::string>& Options::all(const std::string& name) const {
  static const std::vector<std::string> none;
  require(name);
  const auto it = given_.find(name);
  return it == given_.end() ? none : it->second;
}

int run_action(const std::string& command, const std::string& summary, const std::vector<Action>& actions,
               const std::vector<std::string>& arguments) {
  std::string list;
  std::vector<std::string> names;
  for (const Action& action : actions) {
    list += fmt::format("  {:<12}{}\n", action.name, wrap_text(action.summary, help_width - 14, 14));
    names.push_back(action.name);
  }
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    const std::string text = fmt::format("Usage: {0} ACTION …\n\n{1}\n\nActions:\n{2}\n{0} ACTION --help says more.\n",
                                         command, wrap_text(summary, help_width, 0), list);
    print_out(text);
    return 0;
  }
  if (arguments.empty()) {
    throw Error(ExitCode::usage, fmt::format("expected one of {}", fmt::join(names, ", ")), command,
                "see " + command + " --help");
  }
  for (const Action& action : actions) {
    if (action.name == arguments[0]) return action.run({arguments.begin() + 1, arguments.end()});
  }
  const std::string nearest = nearest_name(arguments[0], names);
  throw Error(ExitCode::usage,
              fmt::format("unknown action '{}'; expected one of {}", arguments[0], fmt::join(names, ", ")), command,
              nearest.empty() ? "see " + command + " --help" : did_you_mean(command + " " + nearest));
}

std::string wrap_text(const std::string& text, std::size_t width, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  std::stringstream words(text);
  for (std::string word; words >> word;) {
    if (column > 0 && column + 1 + columns_of(word) > width) {
      out += "\n" + std::string(indent, ' ');
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += columns_of(word);
  }
  return out;
}

}  // namespace pathline::tools
