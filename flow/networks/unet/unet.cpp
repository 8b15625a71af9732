#include "flow/networks/unet/unet.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "flow/autocast.h"

namespace pathline::flow {

namespace {

[[noreturn]] void reject(const std::string& key, const std::string& message, const std::string& hint) {
  throw Error(ExitCode::usage, message, "network." + key, hint);
}

void check_positive(const char* key, std::int64_t value) {
  if (value < 1) reject(key, fmt::format("expected a whole number of at least 1, found {}", value), "");
}

void check(const NetworkSettings& s) {
  check_positive("channels", s.channels);
  check_positive("res_blocks", s.res_blocks);
  if (s.image_channels < 1 || s.image_height < 1 || s.image_width < 1) {
    throw Error(ExitCode::usage,
                fmt::format("expected images of at least 1x1x1, found {}x{}x{} (C, H, W)", s.image_channels,
                            s.image_height, s.image_width),
                "network");
  }
  if (s.channel_mult.empty())
    reject("channel_mult", "expected at least one level, found none", "e.g. channel_mult = 1,2,2");
  for (const auto mult : s.channel_mult) {
    check_positive("channel_mult", mult);
    if (s.channels * mult % GroupNorm::groups != 0) {
      reject("channels",
             fmt::format("a level would have {} x {} = {} channels, which {} normalisation groups do not divide",
                         s.channels, mult, s.channels * mult, GroupNorm::groups),
             fmt::format("use a multiple of {}", GroupNorm::groups));
    }
  }
  const auto levels = static_cast<std::int64_t>(s.channel_mult.size());
  if (levels > 30) reject("channel_mult", fmt::format("expected at most 30 levels, found {}", levels), "");
  const std::int64_t factor = std::int64_t{1} << (levels - 1);
  if (s.image_height % factor != 0 || s.image_width % factor != 0) {
    reject("channel_mult",
           fmt::format("{} levels halve the image {} times, but {}x{} is not divisible by {}", levels, levels - 1,
                       s.image_height, s.image_width, factor),
           "use fewer levels, or images of another size");
  }
  std::vector<std::int64_t> resolutions;
  for (std::int64_t level = 0; level < levels; ++level) resolutions.push_back(s.image_height >> level);
  for (const auto resolution : s.attention) {
    if (std::find(resolutions.begin(), resolutions.end(), resolution) == resolutions.end()) {
      reject("attention", fmt::format("resolution {} does not occur in this network", resolution),
             fmt::format("its levels have the resolutions {}", fmt::join(resolutions, ", ")));
    }
  }
  if (s.head_channels != -1)
    check_positive("head_channels", s.head_channels);
  else
    check_positive("heads", s.heads);
  if (s.classes < 0) reject("classes", fmt::format("expected 0 (unconditional) or more, found {}", s.classes), "");
  if (s.null_class && s.classes == 0) reject("classes", "\"no label\" needs labels, found classes = 0", "");
  if (!(s.dropout >= 0 && s.dropout < 1)) {
    reject("dropout", fmt::format("expected a probability in [0, 1), found {}", s.dropout), "");
  }
}

}  // namespace

UNet::UNet(const NetworkSettings& settings) : VelocityNetwork(settings) {
  check(settings);
  build();
}

std::int64_t UNet::heads_for(std::int64_t channels) const {
  const auto& s = settings();
  if (s.head_channels == -1) {
    if (channels % s.heads != 0) {
      reject("heads",
             fmt::format("{} heads do not divide the {} channels of a level with attention", s.heads, channels),
             "use a divisor, or set network.head_channels");
    }
    return s.heads;
  }
  if (channels % s.head_channels != 0) {
    reject("head_channels",
           fmt::format("{} channels per head do not divide the {} channels of a level with attention", s.head_channels,
                       channels),
           "use a divisor, or -1 and network.heads");
  }
  return channels / s.head_channels;
}

void UNet::build() {
  const auto& s = settings();
  const std::int64_t embedding = 4 * s.channels;

  const auto time_embed = register_module("time_embed", std::make_shared<ModuleGroup>());
  time_in_ = time_embed->place(0, std::make_shared<Linear>(s.channels, embedding));
  time_out_ = time_embed->place(2, std::make_shared<Linear>(embedding, embedding));
  if (s.classes > 0) {
    label_emb_ =
        register_module("label_emb", std::make_shared<Embedding>(s.classes + (s.null_class ? 1 : 0), embedding));
  }

  const auto res_block = [&](std::int64_t in, std::int64_t out, Resampling resampling) {
    return std::make_shared<ResBlock>(ResBlockSettings{.in = in,
                                                       .out = out,
                                                       .embedding = embedding,
                                                       .dropout = s.dropout,
                                                       .scale_shift_norm = s.scale_shift_norm,
                                                       .resampling = resampling});
  };
  const auto attention = [&](std::int64_t channels) {
    return std::make_shared<AttentionBlock>(channels, heads_for(channels), !s.new_attention_order);
  };
  const auto attends_at = [&](std::size_t level) {
    const std::int64_t resolution = s.image_height >> level;
    return std::find(s.attention.begin(), s.attention.end(), resolution) != s.attention.end();
  };
  const auto add_block = [](ModuleGroup& list, std::int64_t index, const Steps& steps) {
    const auto block = list.place(index, std::make_shared<ModuleGroup>());
    for (std::size_t i = 0; i < steps.size(); ++i) block->place(static_cast<std::int64_t>(i), steps[i]);
  };

  const std::size_t levels = s.channel_mult.size();
  std::int64_t channels = s.channels * s.channel_mult[0];
  std::vector<std::int64_t> skip_channels = {channels};

  const auto input_blocks = register_module("input_blocks", std::make_shared<ModuleGroup>());
  first_ = std::make_shared<Conv2d>(s.image_channels, channels, 3);
  input_blocks->place(0, std::make_shared<ModuleGroup>())->place(0, first_);
  const auto add_input = [&](Steps steps) {
    add_block(*input_blocks, static_cast<std::int64_t>(input_.size()) + 1, steps);
    input_.push_back(std::move(steps));
    skip_channels.push_back(channels);
  };
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t width = s.channels * s.channel_mult[level];
    for (std::int64_t i = 0; i < s.res_blocks; ++i) {
      Steps steps = {res_block(channels, width, Resampling::none)};
      channels = width;
      if (attends_at(level)) steps.push_back(attention(channels));
      add_input(std::move(steps));
    }
    if (level + 1 < levels) {
      if (s.resblock_updown) {
        add_input({res_block(channels, channels, Resampling::down)});
      } else {
        add_input({std::make_shared<Downsample>(channels, s.conv_resample)});
      }
    }
  }

  middle_ = {res_block(channels, channels, Resampling::none), attention(channels),
             res_block(channels, channels, Resampling::none)};
  const auto middle_block = register_module("middle_block", std::make_shared<ModuleGroup>());
  for (std::size_t i = 0; i < middle_.size(); ++i) middle_block->place(static_cast<std::int64_t>(i), middle_[i]);

  const auto output_blocks = register_module("output_blocks", std::make_shared<ModuleGroup>());
  for (std::size_t level = levels; level-- > 0;) {
    const std::int64_t width = s.channels * s.channel_mult[level];
    for (std::int64_t i = 0; i <= s.res_blocks; ++i) {
      Steps steps = {res_block(channels + skip_channels.back(), width, Resampling::none)};
      skip_channels.pop_back();
      channels = width;
      if (attends_at(level)) steps.push_back(attention(channels));
      if (level > 0 && i == s.res_blocks) {
        if (s.resblock_updown) {
          steps.push_back(res_block(channels, channels, Resampling::up));
        } else {
          steps.push_back(std::make_shared<Upsample>(channels, s.conv_resample));
        }
      }
      add_block(*output_blocks, static_cast<std::int64_t>(output_.size()), steps);
      output_.push_back(std::move(steps));
    }
  }

  const auto out = register_module("out", std::make_shared<ModuleGroup>());
  last_norm_ = out->place(0, std::make_shared<GroupNorm>(channels));
  last_ = out->place(2, std::make_shared<Conv2d>(channels, s.image_channels, 3, 1, WeightedLayer::Initial::zero));
}

at::Tensor UNet::embed_time(const at::Tensor& t, std::int64_t width) {
  const std::int64_t half = width / 2;
  const at::Tensor index = at::arange(half, t.options().dtype(at::kFloat));
  const at::Tensor frequencies = at::exp(index * (-std::log(10000.0) / static_cast<double>(half)));
  const at::Tensor angles = t.to(at::kFloat).unsqueeze(1) * frequencies;
  const at::Tensor embedded = at::cat({at::cos(angles), at::sin(angles)}, 1);
  return width % 2 == 0 ? embedded : at::constant_pad_nd(embedded, {0, 1});
}

at::Tensor UNet::embed(const at::Tensor& t, const Condition& condition) const {
  const Float32Scope float32;
  at::Tensor embedding = time_out_->forward(at::silu(time_in_->forward(embed_time(t, settings().channels))));
  if (label_emb_) embedding = embedding + label_emb_->forward(condition.values.front());
  return at::silu(embedding);
}

at::Tensor UNet::forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) {
  check_condition(condition, condition_spec(), x.size(0));
  const at::Tensor embedding = embed(t, condition);

  at::Tensor h = first_->forward(x.contiguous(at::MemoryFormat::ChannelsLast));
  std::vector<at::Tensor> skips = {h};
  for (const auto& steps : input_) {
    for (const auto& step : steps) h = step->forward(h, {}, embedding);
    skips.push_back(h);
  }
  for (const auto& step : middle_) h = step->forward(h, {}, embedding);
  for (const auto& steps : output_) {
    for (const auto& step : steps) {
      const bool joins = step == steps.front();
      h = step->forward(h, joins ? skips.back() : at::Tensor(), embedding);
    }
    skips.pop_back();
  }
  h = group_norm_silu(h, {}, last_norm_->weight, last_norm_->bias, GroupNorm::groups).y;
  const Float32Scope float32;
  return last_->forward(h.to(at::kFloat)).contiguous();
}

}  // namespace pathline::flow
