#include "sampling/preview.h"

#include <ATen/ATen.h>

#include "sampling/picture.h"
#include "sampling/sample_file.h"
#include "sampling/sampler.h"
#include "sampling/velocity_model.h"

namespace pathline::sampling {

namespace {

/// Puts the network back into the mode it was found in, also when sampling throws.
class ModeGuard {
 public:
  explicit ModeGuard(flow::VelocityNetwork& network) : network_(network), training_(network.is_training()) {}
  ~ModeGuard() { network_.train(training_); }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  flow::VelocityNetwork& network_;
  bool training_;
};

}  // namespace

std::string render_preview(flow::VelocityNetwork& network, const flow::FlowSpec& flow, const ByteMapping& mapping,
                           const PreviewSettings& settings) {
  const ModeGuard mode(network);
  const auto parameters = network.parameters();
  const at::Device device = parameters.empty() ? at::Device(at::kCPU) : parameters.front().device();
  // The model wants shared ownership; the network stays the caller's, so the pointer it gets owns nothing.
  const std::shared_ptr<flow::VelocityNetwork> borrowed(std::shared_ptr<void>(), &network);
  const auto field = make_network_model(borrowed, flow, device);

  const std::int64_t classes = network.settings().classes();
  DrawRequest request;
  request.count = settings.columns * (classes > 0 ? classes : settings.rows_if_unconditional);
  // The same ids, labels and noise as `pathline sample --seed S` of the same size gives.
  request.labels = choose_labels("", request.count, classes, network.settings().null_class());
  request.noise = [&](std::int64_t first, std::int64_t count) {
    return generation_noise(settings.seed, first, count, field->shape(), field->dtype());
  };
  request.integrate.grid = solvers::make_grid("uniform", settings.steps);

  const auto solver = solvers::find_solver("heun");
  const DrawResult result = draw_samples(*field, *solver, request);
  if (!result.done()) fail_draw(solver->info(), result);

  const std::vector<std::uint8_t> bytes = image_bytes(result.raw, field->shape(), mapping.mean, mapping.scale);
  GridRows rows;
  if (classes > 0) {
    rows = rows_by_class(request.labels, settings.columns);
  } else {
    for (std::int64_t i = 0; i < request.count; ++i) {
      if (i % settings.columns == 0) rows.emplace_back();
      rows.back().push_back(i);
    }
  }
  return encode_png(tile(bytes, field->shape(), rows, {.scale = settings.scale, .gap = 2, .background = 255}));
}

}  // namespace pathline::sampling
