#include "trainer/checkpoint/model_json.h"

#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_text.h"
#include "flow/networks/network_json.h"

namespace pathline {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "pathline-checkpoint";
constexpr int kFormatVersion = 1;

/// One object of the file. Each function reads one of its numbers and says where it is wrong; what is missing is left
/// to the JSON library's exceptions.
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

 private:
  [[noreturn]] void refuse(const char* key, const std::string& expected, const Json& found) const {
    throw Error(ExitCode::bad_input,
                fmt::format("{}.{}: expected {}, found {}", name_, key, expected, shown(found.dump())), place_);
  }

  const Json& object_;
  const std::string name_;
  const std::string& place_;
};

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
  const std::int64_t channels = model.network.shape.channels();
  for (const auto* list : {&model.mean, &model.scale}) {
    if (!list->empty() && list->size() != static_cast<std::size_t>(channels))
      fail(fmt::format("expected {} means and scales, one per channel, found {}", channels, list->size()));
  }
  if (model.dtype != "uint8" && model.dtype != "float32")
    fail("expected dtype uint8 or float32, found " + shown(model.dtype));
  for (const double scale : model.scale) {
    if (!std::isfinite(scale) || !(scale > 0)) fail(fmt::format("expected positive scales, found {}", scale));
  }
}

}  // namespace

std::string to_json(const flow::NetworkSettings& settings) {
  return flow::to_json(settings).dump();
}

std::string to_json(const TrainState& state, const ModelDescription& model) {
  Json description = Json::object();
  flow::flow_spec_to_json(model.flow, description);
  description.update({{"network", flow::to_json(model.network)},
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
    model.network = flow::network_from_json(description.at("network"), "model.network", place);
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
