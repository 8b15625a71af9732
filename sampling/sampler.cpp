#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/config.h"
#include "core/error.h"
#include "core/number_text.h"
#include "core/random.h"

namespace pathline::sampling {

at::Tensor generation_noise(std::uint64_t seed, std::int64_t first, std::int64_t count, const data::ImageShape& shape,
                            at::ScalarType dtype, std::uint64_t epoch) {
  at::Tensor noise = at::empty({count, shape.channels, shape.height, shape.width}, at::dtype(dtype));
  const auto values = static_cast<std::size_t>(shape.values());
  for (std::int64_t i = 0; i < count; ++i) {
    RandomStream stream(seed, Purpose::generation, epoch, static_cast<std::uint64_t>(first + i));
    if (dtype == at::kDouble) {
      stream.fill_normal(std::span<double>(noise.data_ptr<double>() + i * shape.values(), values));
    } else {
      stream.fill_normal(std::span<float>(noise.data_ptr<float>() + i * shape.values(), values));
    }
  }
  return noise;
}

std::vector<std::int64_t> choose_labels(const std::string& text, std::int64_t count, std::int64_t classes,
                                        bool null_class) {
  if (classes == 0) {
    if (!text.empty()) {
      throw Error(ExitCode::usage, "the model is unconditional: it takes no label", "--label", "leave --label out");
    }
    return {};
  }
  std::vector<std::int64_t> choices;
  if (text.empty() || text == "all") {
    choices.resize(static_cast<std::size_t>(classes));
    std::iota(choices.begin(), choices.end(), 0);
  } else if (text == "none") {
    if (!null_class)
      throw Error(ExitCode::usage, "the network was trained without dropped labels: it needs a label", "--label");
    choices = {classes};
  } else {
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      choices.push_back(parse_integer(text.substr(begin, end - begin), 0, classes - 1, "--label"));
      begin = end + 1;
    }
  }
  std::vector<std::int64_t> labels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = choices[i % choices.size()];
  return labels;
}

namespace {

/// Starting state and labels of a batch, on the model's device. The state is a fresh copy.
std::pair<at::Tensor, at::Tensor> start_of(const VelocityModel& model, const DrawRequest& request,
                                           const DrawBatch& batch) {
  at::Tensor state =
      request.noise(batch.first, batch.samples).to(model.device(), model.dtype(), false, true).contiguous();
  at::Tensor labels;
  if (!request.labels.empty()) {
    labels = at::empty({batch.samples}, at::dtype(at::kLong));
    std::copy_n(request.labels.data() + batch.first, batch.samples, labels.data_ptr<std::int64_t>());
    labels = labels.to(model.device());
  }
  return {state, labels};
}

/// The options for one batch: sample i of it is sample first + i of the run.
solvers::IntegrateOptions options_of(const DrawRequest& request, const DrawBatch& batch) {
  solvers::IntegrateOptions options = request.integrate;
  options.noise.emplace();
  options.noise->seed = request.seed;
  options.noise->samples.resize(static_cast<std::size_t>(batch.samples));
  std::iota(options.noise->samples.begin(), options.noise->samples.end(), static_cast<std::uint64_t>(batch.first));
  return options;
}

std::string list_samples(const at::Tensor& bad, std::int64_t first) {
  std::vector<std::uint64_t> ids;
  const at::Tensor mask = bad.to(at::kCPU, at::kBool).contiguous();
  for (std::int64_t i = 0; i < mask.size(0); ++i) {
    if (mask.data_ptr<bool>()[i]) ids.push_back(static_cast<std::uint64_t>(first + i));
  }
  return (ids.size() == 1 ? "sample " : "samples ") + listed(ids);
}

at::Tensor not_finite(const at::Tensor& values) {
  return at::isfinite(values).flatten(1).all(1).logical_not();
}

/// Runs a batch that went non-finite once more, looking at every velocity, to say when and in which samples it began.
/// Doing so only after a failure keeps the check, and the wait for the device that it needs, out of every run that goes
/// well.
std::string locate_non_finite(VelocityModel& model, const solvers::Solver& solver, const DrawRequest& request,
                              const DrawBatch& batch) {
  auto [state, labels] = start_of(model, request, batch);
  std::string found;
  solvers::IntegrateOptions options = options_of(request, batch);
  options.on_step = [&](double, double, bool) { return found.empty(); };
  options.on_remark = [](std::int32_t, const std::string&) {};
  const auto look = [&](double t, const at::Tensor& values, const char* what) {
    if (!found.empty()) return;
    const at::Tensor bad = not_finite(values);
    if (bad.any().item<bool>())
      found = fmt::format("first non-finite {} at t = {:.6g} in {}", what, t, list_samples(bad, batch.first));
  };
  const auto result = solvers::integrate(
      solver, state,
      [&, &labels = labels](double t, const at::Tensor& y, at::Tensor& out) {
        look(t, y, "state");
        model.velocity(t, y, labels, out);
        look(t, out, "velocity");
      },
      options);
  look(result.t_final, state, "state");
  return found;
}

BatchReport draw_batch(VelocityModel& model, const solvers::Solver& solver, const DrawRequest& request,
                       const DrawBatch& batch, at::Tensor& endpoint, const std::function<void(double)>& progress,
                       std::set<std::string>& remarks) {
  auto [state, labels] = start_of(model, request, batch);
  solvers::IntegrateOptions options = options_of(request, batch);
  options.on_remark = [&](std::int32_t level, const std::string& line) {
    if (remarks.insert(line).second) solvers::log_remark(solver.info(), level, line);
  };
  options.on_step = [&](double t, double, bool) {
    if (progress) progress(t);
    return !request.stop_requested || !request.stop_requested();
  };
  const auto result = solvers::integrate(
      solver, state,
      [&, &labels = labels](double t, const at::Tensor& y, at::Tensor& out) { model.velocity(t, y, labels, out); },
      options);
  if (result.status == solvers::Status::cancelled && request.stop_requested && request.stop_requested()) {
    throw Error(ExitCode::stopped, "stopped on request");
  }
  BatchReport report;
  report.batch = batch.number;
  report.samples = batch.samples;
  report.status = result.status;
  report.message = result.message;
  report.evaluations = result.evaluations;
  report.accepted = result.accepted;
  report.rejected = result.rejected;
  report.t_final = result.t_final;
  report.seconds = result.seconds;
  report.solver_seconds = result.seconds - result.field_seconds;
  endpoint = state.to(at::kCPU);
  if (report.status == solvers::Status::done && !at::isfinite(endpoint).all().item<bool>()) {
    report.status = solvers::Status::non_finite;
  }
  if (report.status == solvers::Status::non_finite) {
    const std::string where = locate_non_finite(model, solver, request, batch);
    if (!where.empty()) report.message = where;
  }
  return report;
}

double mean_over_samples(const std::vector<BatchReport>& batches, std::uint64_t BatchReport::*value) {
  double sum = 0, samples = 0;
  for (const BatchReport& batch : batches) {
    sum += static_cast<double>(batch.*value) * static_cast<double>(batch.samples);
    samples += static_cast<double>(batch.samples);
  }
  return samples > 0 ? sum / samples : 0;
}

}  // namespace

bool DrawResult::done() const {
  return worst().status == solvers::Status::done;
}

const BatchReport& DrawResult::worst() const {
  for (const BatchReport& batch : batches) {
    if (batch.status != solvers::Status::done) return batch;
  }
  return batches.front();
}

double DrawResult::evaluations() const {
  return mean_over_samples(batches, &BatchReport::evaluations);
}
double DrawResult::accepted() const {
  return mean_over_samples(batches, &BatchReport::accepted);
}
double DrawResult::rejected() const {
  return mean_over_samples(batches, &BatchReport::rejected);
}

double DrawResult::seconds() const {
  return std::accumulate(batches.begin(), batches.end(), 0.0,
                         [](double sum, const BatchReport& b) { return sum + b.seconds; });
}

double DrawResult::solver_seconds() const {
  return std::accumulate(batches.begin(), batches.end(), 0.0,
                         [](double sum, const BatchReport& b) { return sum + b.solver_seconds; });
}

void require_path(const solvers::SolverInfo& solver, const VelocityModel& model) {
  if (!solver.linear_path || model.path() == "linear") return;
  throw Error(ExitCode::usage,
              fmt::format("is made for the path linear, the model's is {}: its formulas would be wrong", model.path()),
              "solver " + solver.id, "choose a solver of ordinary differential equations, heun or dopri5");
}

std::vector<DrawBatch> batches_of(const DrawRequest& request) {
  std::vector<DrawBatch> all;
  for (std::int64_t first = 0; first < request.count; first += request.batch)
    all.push_back({static_cast<std::int64_t>(all.size()), first, std::min(request.batch, request.count - first)});
  return all;
}

DrawnShare draw_share(VelocityModel& model, const solvers::Solver& solver, const DrawRequest& request,
                      const Share& share, const std::function<void(double)>& progress) {
  require_path(solver.info(), model);
  const at::NoGradGuard no_gradients;
  DrawnShare drawn;
  for (const DrawBatch& batch : batches_of(request)) {
    if (share.has(batch)) drawn.batches.push_back(batch);
  }
  std::set<std::string> remarks;  // what the solver says is shown once, not for every batch
  for (const DrawBatch& batch : drawn.batches) {
    const auto finished = static_cast<double>(drawn.reports.size()), mine = static_cast<double>(drawn.batches.size());
    std::function<void(double)> step;
    if (progress) step = [&progress, finished, mine](double t) { progress((finished + t) / mine); };
    at::Tensor endpoint;
    drawn.reports.push_back(draw_batch(model, solver, request, batch, endpoint, step, remarks));
    drawn.endpoints.push_back(std::move(endpoint));
  }
  return drawn;
}

DrawResult draw_samples(VelocityModel& model, const solvers::Solver& solver, const DrawRequest& request,
                        const std::function<void(double)>& progress) {
  DrawnShare drawn = draw_share(model, solver, request, {}, progress);
  return {at::cat(drawn.endpoints), std::move(drawn.reports)};
}

SampleValues values_of(const at::Tensor& tensor) {
  const auto size = static_cast<std::size_t>(tensor.numel());
  if (tensor.scalar_type() == at::kDouble) return std::span<const double>(tensor.const_data_ptr<double>(), size);
  return std::span<const float>(tensor.const_data_ptr<float>(), size);
}

std::vector<std::uint8_t> image_bytes(const at::Tensor& raw, const data::ImageShape& shape, std::vector<double> mean,
                                      std::vector<double> scale) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  if (mean.empty()) mean.assign(channels, 127.5);
  if (scale.empty()) scale.assign(channels, 127.5);
  const at::Tensor values = raw.to(at::kCPU).contiguous();
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(values.numel()));
  to_uint8(values_of(values), shape, mean, scale, bytes);
  return bytes;
}

void fail_draw(const solvers::SolverInfo& solver, const DrawResult& result) {
  const BatchReport& batch = result.worst();
  std::string message = fmt::format("the solver stopped early at t = {:.6g} after {} evaluations: {}", batch.t_final,
                                    batch.evaluations, solvers::to_string(batch.status));
  if (!batch.message.empty()) message += "; " + batch.message;
  std::string hint;
  ExitCode code = ExitCode::numerical;
  switch (batch.status) {
    case solvers::Status::non_finite:
      hint = "the model gives NaN or infinity; nothing was written";
      break;
    case solvers::Status::step_too_small:
    case solvers::Status::too_many_steps:
      hint = "a larger --rtol and --atol, or a fixed-step solver, needs fewer steps; nothing was written";
      break;
    case solvers::Status::bad_parameter:  // of values that it took before
    case solvers::Status::host_error:
      code = ExitCode::bad_input;
      hint = "the plugin broke a rule of the solver ABI; `pathline solvers check` says which";
      break;
    default:
      hint = "nothing was written";
  }
  throw Error(code, message, "solver " + solver.id, hint);
}

}  // namespace pathline::sampling
