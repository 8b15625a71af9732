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

#include "core/config_schema.h"

namespace pathline {

/// The values of one run. The accessors throw std::logic_error for a name or kind that the schema lacks, and for a key
/// that does not exist beside the present value of its owner (ConfigSchema::only_where); giving such a key is an error
/// of the user.
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

  const ConfigSchema& schema() const noexcept { return *schema_; }
  /// The keys that exist here, in the order of the schema.
  std::vector<const ConfigKey*> keys() const;
  /// The value of any key in the one form that is kept and printed: equal values, however they were written ("1e-3",
  /// "0.001"), have equal texts.
  const std::string& value_text(std::string_view name) const { return value(name).text; }
  /// Where the value came from: "default", "FILE.ini:12" or "--section.key".
  const std::string& source(std::string_view name) const;
  bool is_default(std::string_view name) const { return source(name) == "default"; }
  /// The resolved whole as INI text that parses back to the same Config. With `annotate`, each key has its doc and
  /// source as comments.
  std::string to_ini(bool annotate = false) const;
  /// For ConfigSchema::fold_older_keys() alone: `into` becomes `text`, given where `from` was given, and `from` its
  /// default again, unless it is `into` itself, whose older form `text` replaces. Throws Error(usage) at that place for
  /// a text that `into` does not allow.
  void fold(std::string_view from, std::string_view into, const std::string& text);
  /// Error(usage) at this key's source, for checks across keys.
  [[noreturn]] void fail(std::string_view name, const std::string& message, const std::string& hint = {}) const;

 private:
  struct Value {
    std::string text, source;
  };
  Config() = default;  // without a schema: for parse_text() to fill
  const Value& value(std::string_view name) const;
  bool exists(const ConfigKey& key) const;
  const ConfigKey* existing_key(std::string_view name) const;
  void assign(const std::string& name, const std::string& text, const std::string& source);
  void settle_owned();
  const std::string& text_of_kind(std::string_view name, ConfigKey::Kind kind) const;
  void read_ini(std::string_view ini, const std::string& origin);
  void read_arguments(const std::vector<std::string>& arguments);
  const ConfigSchema* schema_ = nullptr;  // outlives the Config
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace pathline
