#include "trainer/checkpoint/model_json.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_text.h"

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

flow::NetworkSettings network_from(const Json& json) {
  flow::NetworkSettings s;
  json.at("kind").get_to(s.kind);
  json.at("image_channels").get_to(s.image_channels);
  json.at("image_height").get_to(s.image_height);
  json.at("image_width").get_to(s.image_width);
  json.at("channels").get_to(s.channels);
  json.at("channel_mult").get_to(s.channel_mult);
  json.at("res_blocks").get_to(s.res_blocks);
  json.at("attention").get_to(s.attention);
  json.at("heads").get_to(s.heads);
  json.at("head_channels").get_to(s.head_channels);
  json.at("classes").get_to(s.classes);
  json.at("null_class").get_to(s.null_class);
  json.at("dropout").get_to(s.dropout);
  json.at("scale_shift_norm").get_to(s.scale_shift_norm);
  json.at("resblock_updown").get_to(s.resblock_updown);
  json.at("conv_resample").get_to(s.conv_resample);
  json.at("new_attention_order").get_to(s.new_attention_order);
  return s;
}

/// What later code divides by, allocates or indexes with.
void check(const ModelDescription& model, const std::string& place) {
  const auto fail = [&](const std::string& message) { throw Error(ExitCode::bad_input, message, place); };
  constexpr std::int64_t kLargestSide = 65536;
  const flow::NetworkSettings& n = model.network;
  for (const std::int64_t side : {n.image_channels, n.image_height, n.image_width}) {
    if (side < 1 || side > kLargestSide) fail(fmt::format("expected image sizes from 1 to 65536, found {}", side));
  }
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
  const Json json = {
      {"format", kFormat},
      {"format_version", kFormatVersion},
      {"state",
       {{"step", state.step}, {"position", state.position}, {"seed", state.seed}, {"ema_images", state.ema_images}}},
      {"model",
       {{"path", model.path},
        {"prediction", model.prediction},
        {"network", network_json(model.network)},
        {"class_names", model.class_names},
        {"mean", model.mean},
        {"scale", model.scale},
        {"dtype", model.dtype},
        {"data_hash", model.data_hash}}}};
  return json.dump(2) + "\n";
}

void from_json(const std::string& text, const std::string& place, TrainState& state, ModelDescription& model) {
  try {
    const Json json = parse_json(text, place, "");
    if (json.at("format") != kFormat) {
      throw Error(ExitCode::bad_input, fmt::format("expected format '{}', found {}", kFormat, json.at("format").dump()),
                  place);
    }
    if (json.at("format_version") != kFormatVersion) {
      throw Error(ExitCode::bad_input,
                  fmt::format("expected format version {}, found {}", kFormatVersion, json.at("format_version").dump()),
                  place, "written by another version of pathline");
    }
    const Json& numbers = json.at("state");
    numbers.at("step").get_to(state.step);
    numbers.at("position").get_to(state.position);
    numbers.at("seed").get_to(state.seed);
    numbers.at("ema_images").get_to(state.ema_images);
    const Json& description = json.at("model");
    description.at("path").get_to(model.path);
    description.at("prediction").get_to(model.prediction);
    model.network = network_from(description.at("network"));
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
