#include "trainer/checkpoint/model_json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/config.h"
#include "core/error.h"
#include "core/json_text.h"
#include "trainer/run_config.h"

namespace pathline {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "pathline-checkpoint";
constexpr int kFormatVersion = 1;

Json network_json(const flow::NetworkSettings& s) {
  return {{"kind", s.kind},
          {"image_channels", s.image_channels},
          {"image_height", s.image_height},
          {"image_width", s.image_width},
          {"channels", s.channels},
          {"channel_mult", s.channel_mult},
          {"res_blocks", s.res_blocks},
          {"attention", s.attention},
          {"heads", s.heads},
          {"head_channels", s.head_channels},
          {"classes", s.classes},
          {"null_class", s.null_class},
          {"dropout", s.dropout},
          {"scale_shift_norm", s.scale_shift_norm},
          {"resblock_updown", s.resblock_updown},
          {"conv_resample", s.conv_resample},
          {"new_attention_order", s.new_attention_order}};
}

/// One object of the file. Each function reads one of its numbers or words and says where it is wrong; what is missing,
/// or no text where one belongs, is left to the JSON library's exceptions.
class Fields {
 public:
  Fields(const Json& object, std::string name, const std::string& place)
      : object_(object), name_(std::move(name)), place_(place) {}

  const Json& at(const char* key) const { return object_.at(key); }

  std::uint64_t count(const char* key, std::uint64_t most) const {
    const Json& value = at(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
      refuse(key, fmt::format("a whole number from 0 to {}", most), value);
    return value.get<std::uint64_t>();
  }

  double real(const char* key, double least, double most) const {
    const Json& value = at(key);
    if (!value.is_number() || !(value.get<double>() >= least && value.get<double>() <= most))
      refuse(key, fmt::format("a finite number from {} to {}", least, most), value);
    return value.get<double>();
  }

  std::int64_t whole(const char* key, std::int64_t least, std::int64_t most) const {
    return whole(key, at(key), least, most);
  }

  /// Within the bounds that the setting of this name has in a configuration.
  std::int64_t setting(const char* key) const {
    const ConfigKey& bounds = bounds_of(key);
    return whole(key, static_cast<std::int64_t>(bounds.minimum), static_cast<std::int64_t>(bounds.maximum));
  }

  std::vector<std::int64_t> setting_list(const char* key) const {
    const ConfigKey& bounds = bounds_of(key);
    const Json& list = at(key);
    if (!list.is_array()) refuse(key, "a list of whole numbers", list);
    std::vector<std::int64_t> numbers;
    for (const Json& item : list) {
      numbers.push_back(
          whole(key, item, static_cast<std::int64_t>(bounds.minimum), static_cast<std::int64_t>(bounds.maximum)));
    }
    return numbers;
  }

  std::string word(const char* key, const std::vector<std::string>& known) const {
    const auto& found = at(key).get_ref<const std::string&>();
    if (std::find(known.begin(), known.end(), found) != known.end()) return found;
    const std::string nearest = nearest_name(found, known);
    throw Error(ExitCode::bad_input,
                fmt::format("{}.{}: expected {}, found {}", name_, key, fmt::join(known, " or "), shown(found)), place_,
                nearest.empty() ? "written by a newer pathline, or by another program"
                                : fmt::format("did the writer mean {}?", nearest));
  }

  const ConfigKey& bounds_of(const char* key) const { return *train_schema().find(fmt::format("network.{}", key)); }

 private:
  std::int64_t whole(const char* key, const Json& value, std::int64_t least, std::int64_t most) const {
    // A number beyond int64 is unsigned, and so large that get<int64> would make it negative.
    const bool fits = value.is_number_integer() &&
                      !(value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most));
    if (!fits || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most)
      refuse(key, fmt::format("a whole number from {} to {}", least, most), value);
    return value.get<std::int64_t>();
  }

  [[noreturn]] void refuse(const char* key, const std::string& expected, const Json& found) const {
    throw Error(ExitCode::bad_input,
                fmt::format("{}.{}: expected {}, found {}", name_, key, expected, shown(found.dump())), place_);
  }

  const Json& object_;
  const std::string name_;
  const std::string& place_;
};

flow::NetworkSettings network_from(const Json& json, const std::string& place) {
  constexpr std::int64_t kLargestSide = 65536;
  const Fields fields(json, "model.network", place);
  flow::NetworkSettings s;
  s.kind = fields.word("kind", fields.bounds_of("kind").choices);
  s.image_channels = fields.whole("image_channels", 1, kLargestSide);
  s.image_height = fields.whole("image_height", 1, kLargestSide);
  s.image_width = fields.whole("image_width", 1, kLargestSide);
  s.channels = fields.setting("channels");
  s.channel_mult = fields.setting_list("channel_mult");
  s.res_blocks = fields.setting("res_blocks");
  s.attention = fields.setting_list("attention");
  s.heads = fields.setting("heads");
  s.head_channels = fields.setting("head_channels");
  s.classes = fields.setting("classes");
  fields.at("null_class").get_to(s.null_class);
  s.dropout = fields.real("dropout", 0, fields.bounds_of("dropout").maximum);
  fields.at("scale_shift_norm").get_to(s.scale_shift_norm);
  fields.at("resblock_updown").get_to(s.resblock_updown);
  fields.at("conv_resample").get_to(s.conv_resample);
  fields.at("new_attention_order").get_to(s.new_attention_order);
  return s;
}

TrainState state_from(const Json& json, const std::string& place) {
  constexpr std::uint64_t kMostSteps = 999'999'999'999'999'999;  // the digits of a folder's name
  const Fields fields(json, "state", place);
  TrainState state;
  state.step = fields.count("step", kMostSteps);
  state.position = fields.count("position", std::numeric_limits<std::int64_t>::max());
  state.seed = fields.count("seed", std::numeric_limits<std::uint64_t>::max());
  // Skipped steps move the position on, but not the average.
  state.ema_images = fields.real("ema_images", 0, static_cast<double>(state.position));
  return state;
}

/// What later code divides by, allocates or indexes with.
void check(const ModelDescription& model, const std::string& place) {
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, place); };
  const flow::NetworkSettings& n = model.network;
  for (const auto* list : {&model.mean, &model.scale}) {
    if (!list->empty() && list->size() != static_cast<std::size_t>(n.image_channels))
      fail(fmt::format("expected {} means and scales, one per channel, found {}", n.image_channels, list->size()));
  }
  if (model.dtype != "uint8" && model.dtype != "float32")
    fail("expected dtype uint8 or float32, found " + shown(model.dtype));
  for (const double scale : model.scale) {
    if (!std::isfinite(scale) || !(scale > 0)) fail(fmt::format("expected positive scales, found {}", scale));
  }
}

}  // namespace

std::string to_json(const flow::NetworkSettings& settings) {
  return network_json(settings).dump();
}

std::string to_json(const TrainState& state, const ModelDescription& model) {
  Json description = Json::object();
  flow::flow_spec_to_json(model.flow, description);
  description.update({{"network", network_json(model.network)},
                      {"class_names", model.class_names},
                      {"mean", model.mean},
                      {"scale", model.scale},
                      {"dtype", model.dtype},
                      {"data_hash", model.data_hash}});
  const Json json = {
      {"format", kFormat},
      {"format_version", kFormatVersion},
      {"state",
       {{"step", state.step}, {"position", state.position}, {"seed", state.seed}, {"ema_images", state.ema_images}}},
      {"model", std::move(description)}};
  return json.dump(2) + "\n";
}

void from_json(const std::string& text, const std::string& place, TrainState& state, ModelDescription& model) {
  try {
    const Json json = parse_json(text, place, "");
    if (json.at("format") != kFormat) {
      throw Error(ExitCode::bad_input,
                  fmt::format("expected format '{}', found {}", kFormat, shown(json.at("format").dump())), place);
    }
    if (json.at("format_version") != kFormatVersion) {
      throw Error(
          ExitCode::bad_input,
          fmt::format("expected format version {}, found {}", kFormatVersion, shown(json.at("format_version").dump())),
          place, "written by another version of pathline");
    }
    state = state_from(json.at("state"), place);
    const Json& description = json.at("model");
    model.flow = flow::flow_spec_from_json(description, place);
    model.network = network_from(description.at("network"), place);
    description.at("class_names").get_to(model.class_names);
    description.at("mean").get_to(model.mean);
    description.at("scale").get_to(model.scale);
    description.at("data_hash").get_to(model.data_hash);
    model.dtype = description.value("dtype", "uint8");  // older checkpoints are all of uint8 images
    check(model, place);
  } catch (const Json::exception& error) {
    throw Error(ExitCode::bad_input, std::string("not the state of a checkpoint: ") + error.what(), place);
  }
}

}  // namespace pathline
