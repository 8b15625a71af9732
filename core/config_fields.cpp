#include "core/config_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace pathline {
namespace {

using Kind = ConfigKey::Kind;

ConfigKey key_of(Kind kind, const char* name, std::string default_value, const OnResume& on_resume, const char* doc) {
  ConfigKey key;
  key.kind = kind;
  key.name = name;
  key.default_value = std::move(default_value);
  key.on_resume = on_resume;
  key.doc = doc;
  return key;
}

}  // namespace

template <class T>
void FieldVisitor::show(ConfigKey key, T& field) {
  FieldValue value = field;
  visit(key, value);
  field = std::get<T>(value);
}

void FieldVisitor::show_integer(const char* name, std::int64_t& field, std::int64_t minimum, std::int64_t maximum,
                                const OnResume& on_resume, const char* doc) {
  ConfigKey key = key_of(Kind::integer, name, std::to_string(field), on_resume, doc);
  key.minimum = static_cast<double>(minimum);
  key.maximum = static_cast<double>(maximum);
  show(std::move(key), field);
}

void FieldVisitor::real(const char* name, double& field, double minimum, double maximum, const OnResume& on_resume,
                        const char* doc) {
  ConfigKey key = key_of(Kind::real, name, fmt::format("{}", field), on_resume, doc);
  key.minimum = minimum;
  key.maximum = maximum;
  show(std::move(key), field);
}

void FieldVisitor::boolean(const char* name, bool& field, const OnResume& on_resume, const char* doc) {
  show(key_of(Kind::boolean, name, field ? "true" : "false", on_resume, doc), field);
}

void FieldVisitor::choice(const char* name, std::string& field, std::vector<std::string> words,
                          const OnResume& on_resume, const char* doc) {
  ConfigKey key = key_of(Kind::choice, name, field, on_resume, doc);
  key.choices = std::move(words);
  show(std::move(key), field);
}

void FieldVisitor::text(const char* name, std::string& field, const OnResume& on_resume, const char* doc) {
  show(key_of(Kind::text, name, field, on_resume, doc), field);
}

void FieldVisitor::path(const char* name, std::string& field, const OnResume& on_resume, const char* doc) {
  show(key_of(Kind::path, name, field, on_resume, doc), field);
}

void FieldVisitor::path(const char* name, std::filesystem::path& field, const OnResume& on_resume, const char* doc) {
  std::string text = field.string();
  path(name, text, on_resume, doc);
  field = text;
}

void FieldVisitor::show_formed(const char* name, std::string& field, const char* form,
                               std::function<std::optional<std::string>(const std::string&)> canonical,
                               const OnResume& on_resume, const char* doc) {
  ConfigKey key = key_of(Kind::text, name, field, on_resume, doc);
  key.form = form;
  key.canonical = [form = key.form, canonical = std::move(canonical)](const std::string& text,
                                                                      const std::string& place) {
    const std::optional<std::string> found = canonical(text);
    if (!found) throw Error(ExitCode::usage, fmt::format("expected {}, found {}", form, shown(text)), place);
    return *found;
  };
  show(std::move(key), field);
}

void FieldVisitor::integer_list(const char* name, std::vector<std::int64_t>& field, std::int64_t minimum,
                                std::int64_t maximum, const OnResume& on_resume, const char* doc) {
  ConfigKey key = key_of(Kind::integer_list, name, fmt::format("{}", fmt::join(field, ",")), on_resume, doc);
  key.minimum = static_cast<double>(minimum);
  key.maximum = static_cast<double>(maximum);
  show(std::move(key), field);
}

void FieldReader::visit(const ConfigKey& key, FieldValue& value) {
  switch (key.kind) {
    case Kind::integer:
      value = config_.integer(key.name);
      break;
    case Kind::real:
      value = config_.real(key.name);
      break;
    case Kind::boolean:
      value = config_.boolean(key.name);
      break;
    case Kind::choice:
    case Kind::text:
    case Kind::path:
      value = config_.text(key.name);
      break;
    case Kind::integer_list:
      value = config_.integer_list(key.name);
      break;
  }
}

}  // namespace pathline
