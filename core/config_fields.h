#pragma once
// Settings structs that name each of their members once: its key, range, effect on a resumed run and meaning. From
// that one line come the key in the schema, with the member's initial value as its default; the value out of a
// configuration; and JSON in both directions (core/config_json.h).
//
//   struct CheckpointConfig {
//     std::int64_t keep = 3;
//     void fields(FieldVisitor& f) { f.integer("checkpoint.keep", keep, 1, 1000000, Effect::free, "checkpoints kept");
//     }
//   };
//   declare_fields<CheckpointConfig>(schema);
//   const auto checkpoint = read_fields<CheckpointConfig>(config);
//
// Thread-safety: pure functions.

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/config.h"

namespace pathline {

/// The value of a key of kind integer, real, boolean, choice (or text, path), integer_list.
using FieldValue = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;

/// What a struct's fields() shows its members to. Each function takes the key's name, the member, what it may be, what
/// a change of it means to a resumed run, and one line for the documentation.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  template <std::integral T>
  void integer(const char* name, T& field, std::int64_t minimum, std::int64_t maximum, const OnResume& on_resume,
               const char* doc) {
    auto number = static_cast<std::int64_t>(field);
    show_integer(name, number, minimum, maximum, on_resume, doc);
    field = static_cast<T>(number);
  }
  void real(const char* name, double& field, double minimum, double maximum, const OnResume& on_resume,
            const char* doc);
  void boolean(const char* name, bool& field, const OnResume& on_resume, const char* doc);
  void choice(const char* name, std::string& field, std::vector<std::string> words, const OnResume& on_resume,
              const char* doc);
  void text(const char* name, std::string& field, const OnResume& on_resume, const char* doc);
  /// Names a file or folder.
  void path(const char* name, std::string& field, const OnResume& on_resume, const char* doc);
  void path(const char* name, std::filesystem::path& field, const OnResume& on_resume, const char* doc);
  void integer_list(const char* name, std::vector<std::int64_t>& field, std::int64_t minimum, std::int64_t maximum,
                    const OnResume& on_resume, const char* doc);

  /// A choice whose words stand for values of T: {{"fp32", false}, {"bf16", true}}.
  template <class T>
  void choice_of(const char* name, T& field, const std::vector<std::pair<const char*, std::type_identity_t<T>>>& words,
                 const OnResume& on_resume, const char* doc) {
    std::vector<std::string> choices;
    std::string word;
    for (const auto& [text, value] : words) {
      choices.emplace_back(text);
      if (value == field) word = text;
    }
    choice(name, word, choices, on_resume, doc);
    for (const auto& [text, value] : words) {
      if (word == text) field = value;
    }
  }

  /// A value that is written in a form of its own: `parse` gives nothing for a text that is not of it, `print` the text
  /// of a value; `form` says in errors and documentation what is expected: "global or windowed:N".
  template <class T>
  void formed(const char* name, T& field, const std::function<std::optional<T>(const std::string&)>& parse,
              const std::function<std::string(const T&)>& print, const char* form, const OnResume& on_resume,
              const char* doc) {
    std::string text = print(field);
    const auto canonical = [parse, print](const std::string& given) -> std::optional<std::string> {
      const std::optional<T> value = parse(given);
      return value ? std::optional(print(*value)) : std::nullopt;
    };
    show_formed(name, text, form, canonical, on_resume, doc);
    field = parse(text).value();
  }

  /// The members shown after this came with a later version: where stored JSON lacks them they keep their initial
  /// values, which must mean what the program did before it had them.
  void later_additions() { later_ = true; }

 protected:
  /// `key` is complete, but for an owner; `value`, of the key's kind, is the member's and becomes the member's.
  virtual void visit(const ConfigKey& key, FieldValue& value) = 0;
  bool later() const noexcept { return later_; }

 private:
  void show_integer(const char* name, std::int64_t& field, std::int64_t minimum, std::int64_t maximum,
                    const OnResume& on_resume, const char* doc);
  void show_formed(const char* name, std::string& field, const char* form,
                   std::function<std::optional<std::string>(const std::string&)> canonical, const OnResume& on_resume,
                   const char* doc);
  template <class T>
  void show(ConfigKey key, T& field);

  bool later_ = false;
};

/// Adds each field as a key.
class FieldDeclarer final : public FieldVisitor {
 public:
  explicit FieldDeclarer(ConfigSchema& schema) : schema_(schema) {}

 protected:
  void visit(const ConfigKey& key, FieldValue&) override { schema_.add(key); }

 private:
  ConfigSchema& schema_;
};

/// Gives each field the value of its key.
class FieldReader final : public FieldVisitor {
 public:
  explicit FieldReader(const Config& config) : config_(config) {}

 protected:
  void visit(const ConfigKey& key, FieldValue& value) override;

 private:
  const Config& config_;
};

template <class Settings>
void declare_fields(ConfigSchema& schema) {
  Settings settings;
  FieldDeclarer declarer(schema);
  settings.fields(declarer);
}

template <class Settings>
Settings read_fields(const Config& config) {
  Settings settings;
  FieldReader reader(config);
  settings.fields(reader);
  return settings;
}

}  // namespace pathline
