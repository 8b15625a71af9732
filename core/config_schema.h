#pragma once
// The keys that a configuration may have: name, type, range, meaning, and what a changed value means to a run that is
// resumed. core/config.h holds values; core/config_fields.h ties keys to the members of settings structs.
// Thread-safety: immutable once made.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pathline {

/// Where the range of a number has no end that means anything. Every such integer is exact as a double, too.
inline constexpr std::int64_t kUnlimited = std::int64_t{1} << 53;
inline constexpr double kUnlimitedReal = 1e18;

/// What it means to a resumed run that a setting is no longer what it was.
enum class Effect {
  free,      ///< nothing: it goes on as it would have
  steering,  ///< it goes on with a warning: it is no longer the run it would have been
  breaking,  ///< it would be another run: refused
};

/// "free", "steering", "breaking".
const char* to_string(Effect effect);

/// The effect of a changed value; on some keys it depends on the value that another key has now.
struct OnResume {
  Effect effect;
  std::string key, value;              ///< where the setting `key` is `value` …
  Effect effect_there = Effect::free;  ///< … it is this one; key empty: the same everywhere

  OnResume(Effect effect) : effect(effect) {}  // implicit: most keys have one effect
  /// The same, but `effect_there` where the setting `key` is `value`.
  OnResume but(Effect effect_there, std::string key, std::string value) const;
  /// "steering; breaking where parallel.reduction is reproducible".
  std::string describe() const;
};

/// One key of the schema. Make entries with ConfigSchema's functions or core/config_fields.h.
struct ConfigKey {
  enum class Kind { integer, real, boolean, choice, text, path, integer_list };
  std::string name;  ///< "train.steps"
  Kind kind = Kind::text;
  std::string default_value;        ///< as INI text
  double minimum = 0, maximum = 0;  ///< integer, real and list items
  std::vector<std::string> choices;
  OnResume on_resume = Effect::breaking;
  std::string doc;  ///< one line; units in it

  /// Of a text of a form of its own: what is expected ("global or windowed:N"), and what makes the one form that is
  /// kept and printed of a text, or throws Error(usage) at `place`. Empty: any text.
  std::string form;
  std::function<std::string(const std::string& text, const std::string& place)> canonical;
  /// The key exists only where the choice `owner_key` is `owner`. Empty: always.
  std::string owner_key, owner;
};

class Config;

/// The keys that a configuration may have. Made once, then read only. Adding a repeated name, one that is not
/// `section.key`, or a default outside its own range is a std::logic_error.
class ConfigSchema {
 public:
  void add_integer(std::string name, std::int64_t value, std::int64_t minimum, std::int64_t maximum, OnResume on_resume,
                   std::string doc);
  void add_real(std::string name, double value, double minimum, double maximum, OnResume on_resume, std::string doc);
  void add_boolean(std::string name, bool value, OnResume on_resume, std::string doc);
  void add_choice(std::string name, std::string value, std::vector<std::string> choices, OnResume on_resume,
                  std::string doc);
  void add_text(std::string name, std::string value, OnResume on_resume, std::string doc);
  /// A text that names a file or a folder: kept, and printed, with `~` and $HOME expanded (core/home_path.h).
  void add_path(std::string name, std::string value, OnResume on_resume, std::string doc);
  void add_integer_list(std::string name, std::vector<std::int64_t> value, std::int64_t minimum, std::int64_t maximum,
                        OnResume on_resume, std::string doc);
  void add(ConfigKey key);

  /// The keys that `add_keys` adds to this schema exist only where `choice`, a key added before, is `value`. Another
  /// value may have a key of the same name, with a range, default and meaning of its own.
  void only_where(const std::string& choice, const std::string& value, const std::function<void()>& add_keys);

  /// `fold` is called with each configuration when all of it has been read: it may Config::fold() keys of older
  /// versions, which stay readable, into those that took their place.
  void fold_older_keys(std::function<void(Config&)> fold) { fold_ = std::move(fold); }
  const std::function<void(Config&)>& fold() const noexcept { return fold_; }

  /// In the order they were added.
  const std::vector<ConfigKey>& keys() const noexcept { return keys_; }
  /// The key of that name, the first of several owners' keys, or null.
  const ConfigKey* find(std::string_view name) const;
  /// The sections, each once, in the order of their first keys.
  std::vector<std::string> sections() const;
  /// Nearest known key by edit distance, else the same or a near key of another section, or "" when nothing is near.
  std::string nearest(std::string_view name) const;

 private:
  std::vector<ConfigKey> keys_;
  std::string owner_key_, owner_;  // while only_where() adds keys
  std::function<void(Config&)> fold_;
};

/// "train.steps" without its section, or without its key.
std::string_view key_part(std::string_view name);
std::string_view section_part(std::string_view name);

/// Checks `text` against its key and returns it in the one form that is kept and printed: 10k becomes 10000, yes
/// becomes true. Throws Error(usage) at `place`.
std::string normalised(const ConfigKey& key, const std::string& text, const std::string& place);
/// What values a key takes: "whole number, 1 to 256".
std::string allowed_values(const ConfigKey& key);
/// The numbers of an integer_list key's text. Throws Error(usage) at `place`.
std::vector<std::int64_t> parse_integer_list(std::string_view text, const ConfigKey& key, const std::string& place);

/// Whole-string number parsing shared with command-line options: units k, M, G; `place` names the option in errors.
std::int64_t parse_integer(std::string_view text, std::int64_t minimum, std::int64_t maximum, const std::string& place);
double parse_real(std::string_view text, double minimum, double maximum, const std::string& place);
/// Nearest of `candidates` (the first of several) within edit distance 1 + length/3, or "".
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace pathline
