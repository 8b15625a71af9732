#include "flow/networks/unet/unet.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

#include "flow/autocast.h"

namespace pathline::flow {
namespace {

static_assert(GroupNorm::groups == UNetSettings::kNormalisationGroups);

void add_block(ModuleGroup& list, std::size_t index, const std::vector<std::shared_ptr<UNetStep>>& steps) {
  const auto block = list.place(static_cast<std::int64_t>(index), std::make_shared<ModuleGroup>());
  for (std::size_t i = 0; i < steps.size(); ++i) block->place(static_cast<std::int64_t>(i), steps[i]);
}

}  // namespace

UNet::UNet(const NetworkSettings& settings)
    : VelocityNetwork(settings), options_(dynamic_cast<const UNetSettings&>(*settings.options)) {
  build_embeddings();
  const std::vector<std::int64_t> skip_channels = build_encoder();
  build_middle(skip_channels.back());
  build_decoder(skip_channels);
}

void UNet::build_embeddings() {
  const std::int64_t embedding = 4 * options_.channels;
  const auto time_embed = register_module("time_embed", std::make_shared<ModuleGroup>());
  time_in_ = time_embed->place(0, std::make_shared<Linear>(options_.channels, embedding));
  time_out_ = time_embed->place(2, std::make_shared<Linear>(embedding, embedding));
  std::shared_ptr<ModuleGroup> vectors;
  for (const ConditionField& field : condition_spec()) {
    switch (field.kind) {
      case ConditionField::Kind::label:
        label_emb_ = register_module("label_emb",
                                     std::make_shared<Embedding>(field.classes + (field.has_null ? 1 : 0), embedding));
        break;
      case ConditionField::Kind::vector:
        if (!vectors) vectors = register_module("condition_emb", std::make_shared<ModuleGroup>());
        vector_emb_[field.name] = vectors->place(field.name, std::make_shared<Linear>(field.sizes[0], embedding));
        break;
      case ConditionField::Kind::tensor:
        break;  // joins x
    }
  }
}

std::shared_ptr<UNetStep> UNet::res_block(std::int64_t in, std::int64_t out, Resampling resampling) const {
  return std::make_shared<ResBlock>(ResBlockSettings{.in = in,
                                                     .out = out,
                                                     .embedding = 4 * options_.channels,
                                                     .dropout = options_.dropout,
                                                     .scale_shift_norm = options_.scale_shift_norm,
                                                     .resampling = resampling});
}

std::shared_ptr<UNetStep> UNet::attention(std::int64_t channels) const {
  return std::make_shared<AttentionBlock>(channels, options_.heads_for(channels), !options_.new_attention_order);
}

bool UNet::attends_at(std::size_t level) const {
  const std::int64_t resolution = sample_shape().sizes()[1] >> level;
  return std::find(options_.attention.begin(), options_.attention.end(), resolution) != options_.attention.end();
}

std::vector<std::int64_t> UNet::build_encoder() {
  const std::size_t levels = options_.channel_mult.size();
  std::int64_t channels = options_.channels * options_.channel_mult[0];
  std::vector<std::int64_t> skip_channels = {channels};
  std::int64_t input_channels = sample_shape().channels();
  for (const ConditionField& field : condition_spec()) {
    if (field.kind == ConditionField::Kind::tensor) input_channels += field.sizes[0];
  }
  const auto input_blocks = register_module("input_blocks", std::make_shared<ModuleGroup>());
  first_ = std::make_shared<Conv2d>(input_channels, channels, 3);
  input_blocks->place(0, std::make_shared<ModuleGroup>())->place(0, first_);
  const auto add = [&](Steps steps) {
    add_block(*input_blocks, input_.size() + 1, steps);
    input_.push_back(std::move(steps));
    skip_channels.push_back(channels);
  };
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t width = options_.channels * options_.channel_mult[level];
    for (std::int64_t i = 0; i < options_.res_blocks; ++i) {
      Steps steps = {res_block(channels, width, Resampling::none)};
      channels = width;
      if (attends_at(level)) steps.push_back(attention(channels));
      add(std::move(steps));
    }
    if (level + 1 == levels) break;
    if (options_.resblock_updown) {
      add({res_block(channels, channels, Resampling::down)});
    } else {
      add({std::make_shared<Downsample>(channels, options_.conv_resample)});
    }
  }
  return skip_channels;
}

void UNet::build_middle(std::int64_t channels) {
  middle_ = {res_block(channels, channels, Resampling::none), attention(channels),
             res_block(channels, channels, Resampling::none)};
  const auto middle_block = register_module("middle_block", std::make_shared<ModuleGroup>());
  for (std::size_t i = 0; i < middle_.size(); ++i) middle_block->place(static_cast<std::int64_t>(i), middle_[i]);
}

void UNet::build_decoder(std::vector<std::int64_t> skip_channels) {
  std::int64_t channels = skip_channels.back();
  const auto output_blocks = register_module("output_blocks", std::make_shared<ModuleGroup>());
  for (std::size_t level = options_.channel_mult.size(); level-- > 0;) {
    const std::int64_t width = options_.channels * options_.channel_mult[level];
    for (std::int64_t i = 0; i <= options_.res_blocks; ++i) {
      Steps steps = {res_block(channels + skip_channels.back(), width, Resampling::none)};
      skip_channels.pop_back();
      channels = width;
      if (attends_at(level)) steps.push_back(attention(channels));
      if (level > 0 && i == options_.res_blocks) {
        if (options_.resblock_updown) {
          steps.push_back(res_block(channels, channels, Resampling::up));
        } else {
          steps.push_back(std::make_shared<Upsample>(channels, options_.conv_resample));
        }
      }
      add_block(*output_blocks, output_.size(), steps);
      output_.push_back(std::move(steps));
    }
  }
  const auto out = register_module("out", std::make_shared<ModuleGroup>());
  last_norm_ = out->place(0, std::make_shared<GroupNorm>(channels));
  last_ =
      out->place(2, std::make_shared<Conv2d>(channels, sample_shape().channels(), 3, 1, WeightedLayer::Initial::zero));
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
  at::Tensor embedding = time_out_->forward(at::silu(time_in_->forward(embed_time(t, options_.channels))));
  for (std::size_t i = 0; i < condition.values.size(); ++i) {
    const ConditionField& field = condition_spec()[i];
    const at::Tensor& value = condition.values[i];
    if (field.kind == ConditionField::Kind::label) embedding = embedding + label_emb_->forward(value);
    if (field.kind == ConditionField::Kind::vector) embedding = embedding + vector_emb_.at(field.name)->forward(value);
  }
  return at::silu(embedding);
}

at::Tensor UNet::joined(const at::Tensor& x, const Condition& condition) const {
  std::vector<at::Tensor> parts = {x};
  for (std::size_t i = 0; i < condition.values.size(); ++i) {
    if (condition_spec()[i].kind == ConditionField::Kind::tensor) parts.push_back(condition.values[i]);
  }
  return parts.size() == 1 ? x : at::cat(parts, 1);
}

at::Tensor UNet::forward(const at::Tensor& x, const at::Tensor& t, const Condition& condition) {
  check_condition(condition, condition_spec(), x.size(0));
  const at::Tensor embedding = embed(t, condition);

  at::Tensor h = first_->forward(joined(x, condition).contiguous(at::MemoryFormat::ChannelsLast));
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

std::shared_ptr<VelocityNetwork> UNetSettings::make(const NetworkSettings& settings) const {
  return std::make_shared<UNet>(settings);
}

}  // namespace pathline::flow
