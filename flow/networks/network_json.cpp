#include "flow/networks/network_json.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/config_json.h"
#include "core/error.h"
#include "flow/networks/registry.h"

namespace pathline::flow {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kLargestSide = 65536;
constexpr std::int64_t kMostValues = std::int64_t{1} << 24;  // of a vector, or of one step of a sequence

/// A picture has the three members that checkpoints have had from the beginning; other samples have "shape".
struct PictureSizes {
  std::int64_t channels = 1, height = 1, width = 1;
  void fields(FieldVisitor& f) {
    f.integer("network.image_channels", channels, 1, kLargestSide, Effect::breaking, "");
    f.integer("network.image_height", height, 1, kLargestSide, Effect::breaking, "");
    f.integer("network.image_width", width, 1, kLargestSide, Effect::breaking, "");
  }
};

struct OtherShape {
  SampleKind kind = SampleKind::vector;
  std::vector<std::int64_t> sizes;
  void fields(FieldVisitor& f) {
    f.choice_of("shape.kind", kind, {{"vector", SampleKind::vector}, {"sequence", SampleKind::sequence}},
                Effect::breaking, "");
    f.integer_list("shape.sizes", sizes, 1, kMostValues, Effect::breaking, "");
  }
};

/// A label alone has the two members that checkpoints have had from the beginning; other conditions have "condition".
struct LabelOnly {
  std::int64_t classes = 0;
  bool null_class = false;
  void fields(FieldVisitor& f) {
    f.integer("network.classes", classes, 0, kMostClasses, Effect::breaking, "");
    f.boolean("network.null_class", null_class, Effect::breaking, "");
  }
};

struct StoredField {
  ConditionField field;
  void fields(FieldVisitor& f) {
    using Kind = ConditionField::Kind;
    f.formed<std::string>(
        "condition.name", field.name,
        [](const std::string& text) { return is_name(text) ? std::optional(text) : std::nullopt; },
        [](const std::string& text) { return text; }, "a name of letters, digits, - and _", Effect::breaking, "");
    f.choice_of("condition.kind", field.kind,
                {{"label", Kind::label}, {"vector", Kind::vector}, {"tensor", Kind::tensor}}, Effect::breaking, "");
    f.integer("condition.classes", field.classes, 0, kMostClasses, Effect::breaking, "");
    f.integer_list("condition.sizes", field.sizes, 1, kMostValues, Effect::breaking, "");
    f.boolean("condition.has_null", field.has_null, Effect::breaking, "");
  }
  /// It becomes a part of parameter names.
  static bool is_name(const std::string& text) {
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), fits);
  }
};

template <class Members>
void write(Members members, Json& object) {
  FieldJsonWriter writer(object);
  members.fields(writer);
}

template <class Members>
Members read(const Json& object, const std::string& name, const std::string& place, std::vector<std::string>& seen) {
  if (!object.is_object()) throw Error(ExitCode::bad_input, name + ": expected a JSON object", place);
  Members members;
  FieldJsonReader reader(object, name, place);
  members.fields(reader);
  seen.insert(seen.end(), reader.seen().begin(), reader.seen().end());
  return members;
}

/// What only another program, or a newer pathline, can have written.
void require_all_known(const Json& object, const std::vector<std::string>& known, const std::string& name,
                       const std::string& place) {
  for (const auto& member : object.items()) {
    if (std::find(known.begin(), known.end(), member.key()) != known.end()) continue;
    const std::string near = nearest_name(member.key(), known);
    throw Error(ExitCode::bad_input, fmt::format("{}: unknown member {}", name, shown(member.key())), place,
                near.empty() ? "written by a newer pathline, or by another program"
                             : fmt::format("did the writer mean {}?", near));
  }
}

bool is_label_alone(const ConditionSpec& condition) {
  if (condition.size() != 1) return condition.empty();
  const ConditionField label;
  return condition.front().kind == label.kind && condition.front().name == label.name;
}

void write_condition(const ConditionSpec& condition, Json& object) {
  if (is_label_alone(condition)) {
    write(condition.empty() ? LabelOnly{} : LabelOnly{condition.front().classes, condition.front().has_null}, object);
    return;
  }
  Json list = Json::array();
  for (const ConditionField& field : condition) write(StoredField{field}, list.emplace_back(Json::object()));
  object["condition"] = std::move(list);
}

SampleShape read_shape(const Json& object, const std::string& name, const std::string& place,
                       std::vector<std::string>& seen) {
  if (!object.contains("shape")) {
    const auto [channels, height, width] = read<PictureSizes>(object, name, place, seen);
    return SampleShape::picture(channels, height, width);
  }
  seen.emplace_back("shape");
  std::vector<std::string> members;
  const std::string where = name + ".shape";
  const auto [kind, sizes] = read<OtherShape>(object["shape"], where, place, members);
  require_all_known(object["shape"], members, where, place);
  const std::size_t dimensions = kind == SampleKind::vector ? 1 : 2;
  if (sizes.size() != dimensions)
    throw Error(ExitCode::bad_input,
                fmt::format("{}.sizes: expected {} numbers, found {}", where, dimensions, sizes.size()), place);
  return kind == SampleKind::vector ? SampleShape::vector(sizes[0]) : SampleShape::sequence(sizes[0], sizes[1]);
}

void check_field(const ConditionField& field, const std::string& where, const std::string& place) {
  const bool label = field.kind == ConditionField::Kind::label;
  const std::size_t most = label ? 0 : field.kind == ConditionField::Kind::vector ? 1 : 3;
  const std::size_t least = std::min<std::size_t>(most, 1);
  const auto largest = field.kind == ConditionField::Kind::tensor ? kLargestSide : kMostValues;
  const bool small =
      std::all_of(field.sizes.begin(), field.sizes.end(), [&](std::int64_t size) { return size <= largest; });
  if (field.sizes.size() < least || field.sizes.size() > most || !small || label != (field.classes > 0)) {
    throw Error(ExitCode::bad_input, where + ": its classes and sizes are not those of its kind", place);
  }
}

ConditionSpec read_condition(const Json& object, const std::string& name, const std::string& place,
                             std::vector<std::string>& seen) {
  if (!object.contains("condition")) {
    const auto [classes, null_class] = read<LabelOnly>(object, name, place, seen);
    if (null_class && classes == 0)
      throw Error(ExitCode::bad_input, name + ".null_class: expected false where classes is 0, found true", place);
    return label_condition(classes, null_class);
  }
  ConditionSpec condition;
  seen.emplace_back("condition");
  const Json& list = object["condition"];
  if (!list.is_array()) throw Error(ExitCode::bad_input, name + ".condition: expected a list", place);
  for (const Json& item : list) {
    const std::string where = fmt::format("{}.condition[{}]", name, condition.size());
    std::vector<std::string> members;
    const ConditionField field = read<StoredField>(item, where, place, members).field;
    require_all_known(item, members, where, place);
    check_field(field, where, place);
    for (const ConditionField& other : condition) {
      if (other.name == field.name)
        throw Error(ExitCode::bad_input, fmt::format("{}: there are two of the name {}", where, field.name), place);
    }
    condition.push_back(field);
  }
  return condition;
}

}  // namespace

Json options_json(const NetworkSettings& settings) {
  Json object = Json::object();
  if (settings.options) {
    FieldJsonWriter writer(object);
    settings.options->clone()->fields(writer);
  }
  return object;
}

Json to_json(const NetworkSettings& settings) {
  Json object = {{"kind", settings.kind}};
  const std::vector<std::int64_t>& sizes = settings.shape.sizes();
  if (settings.shape.kind() == SampleKind::picture) {
    write(PictureSizes{sizes[0], sizes[1], sizes[2]}, object);
  } else {
    write(OtherShape{settings.shape.kind(), sizes}, object["shape"] = Json::object());
  }
  write_condition(settings.condition, object);
  object.update(options_json(settings));
  return object;
}

NetworkSettings network_from_json(const Json& json, const std::string& name, const std::string& place) {
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string())
    throw Error(ExitCode::bad_input, name + ": expected a JSON object with a kind of network", place);
  NetworkSettings settings;
  settings.kind = json["kind"].get<std::string>();
  const NetworkKind* kind = find_network_kind(settings.kind);
  if (kind == nullptr) {
    throw Error(ExitCode::bad_input, fmt::format("{}.kind: unknown kind of network {}", name, shown(settings.kind)),
                place, known_kinds_hint(settings.kind));
  }
  std::vector<std::string> seen = {"kind"};
  settings.shape = read_shape(json, name, place, seen);
  settings.condition = read_condition(json, name, place, seen);
  std::unique_ptr<NetworkOptions> options = kind->defaults->clone();
  FieldJsonReader reader(json, name, place);
  options->fields(reader);
  seen.insert(seen.end(), reader.seen().begin(), reader.seen().end());
  require_all_known(json, seen, name, place);
  settings.options = std::move(options);
  try {
    check_network(settings);
  } catch (const Error& error) {
    throw Error(ExitCode::bad_input, fmt::format("{}.{}: {}", name, key_part(error.place()), error.message()), place);
  }
  return settings;
}

}  // namespace pathline::flow
