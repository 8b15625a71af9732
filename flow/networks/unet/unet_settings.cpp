#include "flow/networks/unet/unet_settings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace pathline::flow {
namespace {

[[noreturn]] void reject(const std::string& key, const std::string& message, const std::string& hint = {}) {
  throw Error(ExitCode::usage, message, "network." + key, hint);
}

void check_positive(const char* key, std::int64_t value) {
  if (value < 1) reject(key, fmt::format("expected a whole number of at least 1, found {}", value));
}

void check_levels(const UNetSettings& s, std::int64_t height, std::int64_t width) {
  constexpr std::int64_t kGroups = UNetSettings::kNormalisationGroups;
  if (s.channel_mult.empty())
    reject("channel_mult", "expected at least one level, found none", "e.g. channel_mult = 1,2,2");
  for (const auto mult : s.channel_mult) {
    check_positive("channel_mult", mult);
    if (s.channels * mult % kGroups != 0) {
      reject("channels",
             fmt::format("a level would have {} x {} = {} channels, which {} normalisation groups do not divide",
                         s.channels, mult, s.channels * mult, kGroups),
             fmt::format("use a multiple of {}", kGroups));
    }
  }
  const auto levels = static_cast<std::int64_t>(s.channel_mult.size());
  if (levels > 30) reject("channel_mult", fmt::format("expected at most 30 levels, found {}", levels));
  const std::int64_t factor = std::int64_t{1} << (levels - 1);
  if (height % factor != 0 || width % factor != 0) {
    reject("channel_mult",
           fmt::format("{} levels halve the image {} times, but {}x{} is not divisible by {}", levels, levels - 1,
                       height, width, factor),
           "use fewer levels, or images of another size");
  }
}

/// The middle of the network, at the last level, always has attention.
void check_attention(const UNetSettings& s, std::int64_t height) {
  if (s.head_channels != -1)
    check_positive("head_channels", s.head_channels);
  else
    check_positive("heads", s.heads);
  std::vector<std::int64_t> resolutions;
  for (std::size_t level = 0; level < s.channel_mult.size(); ++level) resolutions.push_back(height >> level);
  for (const auto resolution : s.attention) {
    if (std::find(resolutions.begin(), resolutions.end(), resolution) == resolutions.end()) {
      reject("attention", fmt::format("resolution {} does not occur in this network", resolution),
             fmt::format("its levels have the resolutions {}", fmt::join(resolutions, ", ")));
    }
  }
  for (std::size_t level = 0; level < s.channel_mult.size(); ++level) {
    const bool attends = std::find(s.attention.begin(), s.attention.end(), resolutions[level]) != s.attention.end();
    const std::int64_t channels = s.channels * s.channel_mult[level];
    if (!attends && level + 1 < s.channel_mult.size()) continue;
    if (s.head_channels == -1 && channels % s.heads != 0) {
      reject("heads",
             fmt::format("{} heads do not divide the {} channels of a level with attention", s.heads, channels),
             "use a divisor, or set network.head_channels");
    }
    if (s.head_channels != -1 && channels % s.head_channels != 0) {
      reject("head_channels",
             fmt::format("{} channels per head do not divide the {} channels of a level with attention",
                         s.head_channels, channels),
             "use a divisor, or -1 and network.heads");
    }
  }
}

void check_condition_fields(const NetworkSettings& settings) {
  const std::vector<std::int64_t>& picture = settings.shape.sizes();
  int labels = 0;
  for (const ConditionField& field : settings.condition) {
    switch (field.kind) {
      case ConditionField::Kind::label:
        if (field.classes < 1) reject("classes", "\"no label\" needs labels, found classes = 0");
        if (++labels > 1) reject("kind", "unet takes one label, found a second one, " + shown(field.name));
        break;
      case ConditionField::Kind::vector:
        break;
      case ConditionField::Kind::tensor:
        if (field.sizes.size() != 3 || field.sizes[1] != picture[1] || field.sizes[2] != picture[2]) {
          reject("kind", fmt::format("unet takes a condition of shape [C, {}, {}], found {} of shape [{}]", picture[1],
                                     picture[2], shown(field.name), fmt::join(field.sizes, ", ")));
        }
        break;
    }
  }
}

}  // namespace

void UNetSettings::fields(FieldVisitor& f) {
  f.integer("network.channels", channels, 1, 4096, Effect::breaking, "channels of the first level");
  f.integer_list("network.channel_mult", channel_mult, 1, 64, Effect::breaking,
                 "channel factor per level; each further level halves the resolution");
  f.integer("network.res_blocks", res_blocks, 1, 64, Effect::breaking, "residual blocks per level");
  f.integer_list("network.attention", attention, 1, 65536, Effect::breaking,
                 "resolutions with self-attention, in pixels of image height; empty: none");
  f.integer("network.heads", heads, 1, 1024, Effect::breaking, "attention heads, where head_channels is -1");
  f.integer("network.head_channels", head_channels, -1, 4096, Effect::breaking,
            "channels per attention head; -1: use network.heads");
  f.real("network.dropout", dropout, 0.0, 0.99, Effect::breaking, "dropout probability in residual blocks");
  f.boolean("network.scale_shift_norm", scale_shift_norm, Effect::breaking,
            "condition by scale and shift after normalisation instead of by addition");
  f.boolean("network.resblock_updown", resblock_updown, Effect::breaking,
            "residual blocks that change resolution, instead of plain resampling");
  f.boolean("network.conv_resample", conv_resample, Effect::breaking, "learned convolutions in resampling");
  f.boolean("network.new_attention_order", new_attention_order, Effect::breaking,
            "split queries, keys and values before heads");
}

void UNetSettings::check(const NetworkSettings& settings) const {
  if (settings.shape.kind() != SampleKind::picture) {
    reject("kind", fmt::format("unet works on pictures, found samples of the kind {}", settings.shape.describe()),
           "train on shards of pictures, or choose another kind of network");
  }
  check_positive("channels", channels);
  check_positive("res_blocks", res_blocks);
  check_levels(*this, settings.shape.sizes()[1], settings.shape.sizes()[2]);
  check_attention(*this, settings.shape.sizes()[1]);
  if (!(dropout >= 0 && dropout < 1)) {
    reject("dropout", fmt::format("expected a probability in [0, 1), found {}", dropout));
  }
  check_condition_fields(settings);
}

NetworkSettings unet_settings(const UNetSettings& options, SampleShape shape, ConditionSpec condition) {
  return {"unet", std::move(shape), std::move(condition), std::make_shared<UNetSettings>(options)};
}

}  // namespace pathline::flow
