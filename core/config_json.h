#pragma once
// Settings structs (core/config_fields.h) as JSON objects: one member per field, under its key without the section.
// Thread-safety: pure functions.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config_fields.h"

namespace pathline {

/// Writes each field into an object.
class FieldJsonWriter final : public FieldVisitor {
 public:
  explicit FieldJsonWriter(nlohmann::ordered_json& object) : object_(object) {}

 protected:
  void visit(const ConfigKey& key, FieldValue& value) override;

 private:
  nlohmann::ordered_json& object_;
};

/// Gives each field its value out of an object from a file that nobody vouches for: what is missing, of another type or
/// not allowed by its key is Error(bad_input) at `place`, saying "NAME.field: expected …, found …".
class FieldJsonReader final : public FieldVisitor {
 public:
  FieldJsonReader(const nlohmann::ordered_json& object, std::string name, std::string place)
      : object_(object), name_(std::move(name)), place_(std::move(place)) {}
  /// The members of the object that fields had.
  const std::vector<std::string>& seen() const noexcept { return seen_; }

 protected:
  void visit(const ConfigKey& key, FieldValue& value) override;

 private:
  const nlohmann::ordered_json& object_;
  const std::string name_, place_;
  std::vector<std::string> seen_;
};

}  // namespace pathline
