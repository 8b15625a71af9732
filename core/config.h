#pragma once
// Configuration: a schema of typed keys `section.key`, an INI file, and command-line options `--section.key VALUE` that
// win over it.
//
// Built on Boost.Program_options with its traps closed: no guessed abbreviations, no -1 read as 4294967295, no silently
// repeated or unknown keys, `#` inside values kept (a comment starts a line or follows white space), every error with
// file:line (or the option) and the nearest valid name. Numbers accept 1e6, 10k, 2M, 1G (powers of 1000) where whole;
// nan and inf are refused. Thread-safety: immutable after construction.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pathline {

/// One key of the schema. Make entries with the functions below.
struct ConfigKey {
  enum class Kind { integer, real, boolean, choice, text, path, integer_list };
  std::string name;  ///< "train.steps"
  Kind kind;
  std::string default_value;  ///< as INI text
  double minimum, maximum;    ///< integer, real and list items
  std::vector<std::string> choices;
  std::string doc;  ///< one line; units in it
};

/// The keys that a configuration may have. Made once, then read only. Adding a repeated name, one that is not
/// `section.key`, or a default outside its own range is a std::logic_error.
class ConfigSchema {
 public:
  void add_integer(std::string name, std::int64_t value, std::int64_t minimum, std::int64_t maximum, std::string doc);
  void add_real(std::string name, double value, double minimum, double maximum, std::string doc);
  void add_boolean(std::string name, bool value, std::string doc);
  void add_choice(std::string name, std::string value, std::vector<std::string> choices, std::string doc);
  void add_text(std::string name, std::string value, std::string doc);
  /// A text that names a file or a folder: kept, and printed, with `~` and $HOME expanded (core/home_path.h).
  void add_path(std::string name, std::string value, std::string doc);
  void add_integer_list(std::string name, std::vector<std::int64_t> value, std::int64_t minimum, std::int64_t maximum,
                        std::string doc);

  const std::vector<ConfigKey>& keys() const noexcept { return keys_; }
  const ConfigKey* find(std::string_view name) const;
  /// Nearest known key by edit distance, else the same or a near key of another section, or "" when nothing is near.
  std::string nearest(std::string_view name) const;

 private:
  void add(ConfigKey key);

  std::vector<ConfigKey> keys_;
};

/// The values of one run. The accessors throw std::logic_error for a name or kind that the schema lacks.
class Config {
 public:
  /// Defaults only.
  explicit Config(const ConfigSchema& schema);
  /// `ini`: file to read; `arguments`: what followed it on the command line (`--section.key VALUE` or
  /// `--section.key=VALUE`). Throws Error(usage), Error(file_system) if the file cannot be read, or Error(bad_input) if
  /// it is none: regular files and what a shell hands over (`<(…)`, /dev/stdin) are read.
  static Config parse(const ConfigSchema& schema, const std::filesystem::path& ini,
                      const std::vector<std::string>& arguments);
  /// INI from memory; `origin` names it in errors.
  static Config parse_text(const ConfigSchema& schema, std::string_view ini, const std::string& origin,
                           const std::vector<std::string>& arguments = {});

  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  bool boolean(std::string_view name) const;
  const std::string& text(std::string_view name) const;  ///< text, path and choice keys
  std::vector<std::int64_t> integer_list(std::string_view name) const;

  /// Where the value came from: "default", "FILE.ini:12" or "--section.key".
  const std::string& source(std::string_view name) const;
  bool is_default(std::string_view name) const { return source(name) == "default"; }
  /// The resolved whole as INI text that parses back to the same Config. With `annotate`, each key has its doc and
  /// source as comments.
  std::string to_ini(bool annotate = false) const;
  /// Error(usage) at this key's source, for checks across keys.
  [[noreturn]] void fail(std::string_view name, const std::string& message, const std::string& hint = {}) const;

 private:
  struct Value {
    std::string text, source;
  };
  const Value& value(std::string_view name) const;
  const std::string& text_of_kind(std::string_view name, ConfigKey::Kind kind) const;
  void read_ini(std::string_view ini, const std::string& origin);
  void read_arguments(const std::vector<std::string>& arguments);
  const ConfigSchema* schema_;  // outlives the Config
  std::map<std::string, Value, std::less<>> values_;
};

/// Whole-string number parsing shared with command-line options: units k, M, G; `place` names the option in errors.
std::int64_t parse_integer(std::string_view text, std::int64_t minimum, std::int64_t maximum, const std::string& place);
double parse_real(std::string_view text, double minimum, double maximum, const std::string& place);
/// Nearest of `candidates` (the first of several) within edit distance 1 + length/3, or "".
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace pathline
