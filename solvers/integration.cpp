#include "solvers/integration.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"
#include "core/log.h"
#include "solvers/arithmetic.h"
#include "solvers/noise.h"
#include "solvers/plain_text.h"
#include "solvers/plugin_call.h"

namespace pathline::solvers {
namespace {

using Clock = std::chrono::steady_clock;

Status status_of(pathline_status returned) {
  switch (returned) {
    case PATHLINE_OK:
      return Status::done;
    case PATHLINE_CANCELLED:
      return Status::cancelled;
    case PATHLINE_NON_FINITE:
      return Status::non_finite;
    case PATHLINE_STEP_TOO_SMALL:
      return Status::step_too_small;
    case PATHLINE_TOO_MANY_STEPS:
      return Status::too_many_steps;
    case PATHLINE_OUT_OF_MEMORY:
      return Status::out_of_memory;
    case PATHLINE_HOST_ERROR:
      return Status::host_error;
    case PATHLINE_BAD_PARAMETER:
      return Status::bad_parameter;
    case PATHLINE_FAILED:
      return Status::failed;
    default:
      return Status::host_error;  // a status that there is not
  }
}

std::string default_message(pathline_status returned, double t) {
  switch (returned) {
    case PATHLINE_CANCELLED:
      return fmt::format("stopped on request at t = {:.9g}", t);
    case PATHLINE_NON_FINITE:
      return fmt::format("NaN or infinite values appeared after t = {:.9g}", t);
    case PATHLINE_STEP_TOO_SMALL:
      return fmt::format("the step size became too small at t = {:.9g}", t);
    case PATHLINE_TOO_MANY_STEPS:
      return fmt::format("a limit on steps was reached at t = {:.9g}", t);
    case PATHLINE_OUT_OF_MEMORY:
      return "out of memory";
    case PATHLINE_BAD_PARAMETER:
      return "the solver refuses this combination of parameters";
    default:
      return "the solver failed without saying why";
  }
}

}  // namespace

// The table's functions find the Integration in the context. Nothing may be thrown through a plugin's frames.
template <auto Member, typename... Arguments>
auto Integration::call(const pathline_host* host, Arguments... arguments) noexcept {
  const PluginCall::Host host_at_work;
  return (static_cast<Integration*>(host->context)->*Member)(arguments...);
}

Integration::Integration(const SolverInfo& solver, at::Tensor& y, const VelocityField& field,
                         const IntegrateOptions& options, const Parameters& parameters)
    : solver_(solver),
      field_(field),
      options_(options),
      earliest_(std::min(options.grid.front(), options.grid.back())),
      latest_(std::max(options.grid.front(), options.grid.back())),
      parameters_(parameters),
      pool_(y),
      t_reached_(options.grid.front()) {
  host_.struct_size = sizeof host_;
  host_.abi_major = PATHLINE_ABI_MAJOR;
  host_.abi_minor = PATHLINE_ABI_MINOR;
  host_.context = this;
  host_.clone = [](const pathline_host* h, const pathline_vector* like) { return call<&Integration::clone>(h, like); };
  host_.release = [](const pathline_host* h, pathline_vector* vector) { call<&Integration::release>(h, vector); };
  host_.rhs = [](const pathline_host* h, double t, const pathline_vector* at, pathline_vector* out) {
    return call<&Integration::rhs>(h, t, at, out);
  };
  host_.lincomb = [](const pathline_host* h, pathline_vector* out, std::uint32_t count, const double* coefficients,
                     const pathline_vector* const* vectors) {
    return call<&Integration::lincomb>(h, out, count, coefficients, vectors);
  };
  host_.error_norm = [](const pathline_host* h, const pathline_vector* error, const pathline_vector* y0,
                        const pathline_vector* y1, double rtol, double atol,
                        double* norm) { return call<&Integration::error_norm>(h, error, y0, y1, rtol, atol, norm); };
  host_.step_done = [](const pathline_host* h, double t, double step, double, std::int32_t accepted,
                       const pathline_vector* at) {
    return call<&Integration::step_done>(h, t, step, accepted != 0, at);
  };
  host_.log = [](const pathline_host* h, std::int32_t level, const char* text) {
    call<&Integration::log>(h, level, text);
  };
  host_.get_extension = [](const pathline_host* h, const char* id) { return call<&Integration::get_extension>(h, id); };
  text_.struct_size = sizeof text_;
  text_.get = [](const pathline_host* h, const char* name) { return call<&Integration::text>(h, name); };
  text_.contents = [](const pathline_host* h, const char* name, std::uint64_t* size) {
    return call<&Integration::contents>(h, name, size);
  };
  noise_.struct_size = sizeof noise_;
  noise_.normal = [](const pathline_host* h, std::uint64_t draw, pathline_vector* out) {
    return call<&Integration::normal>(h, draw, out);
  };
  result_.t_final = t_reached_;
  result_.smallest_t = std::numeric_limits<double>::infinity();
  result_.largest_t = -std::numeric_limits<double>::infinity();
}

pathline_vector* Integration::clone(const pathline_vector* like) {
  if (!pool_.valid(like)) {
    fail(PATHLINE_HOST_ERROR, "clone was given something that is not a vector of this integration");
    return nullptr;
  }
  if (pool_.outstanding() >= options_.max_vectors) {
    fail(PATHLINE_HOST_ERROR, fmt::format("the solver holds {} vectors and asks for one more; the limit is {}",
                                          pool_.outstanding(), options_.max_vectors));
    return nullptr;
  }
  try {
    return pool_.clone();
  } catch (const std::exception& error) {
    fail(PATHLINE_OUT_OF_MEMORY,
         fmt::format("no memory for another state of {} values: {}", like->tensor.numel(), error.what()));
    return nullptr;
  }
}

void Integration::release(pathline_vector* vector) {
  if (vector && !pool_.release(vector)) {
    fail(PATHLINE_HOST_ERROR, "release was given something that was not cloned, or was released before");
  }
}

pathline_status Integration::rhs(double t, const pathline_vector* y, pathline_vector* out) {
  if (failure_) return failure_;
  if (!pool_.valid(y) || !pool_.valid(out) || y == out) {
    return fail(PATHLINE_HOST_ERROR, "rhs was given a vector that is released, foreign, or both input and output");
  }
  if (!(t >= earliest_ && t <= latest_)) {
    return fail(PATHLINE_HOST_ERROR,
                fmt::format("the solver asked for the velocity at t = {:.17g}, outside [{:.17g}, {:.17g}]", t,
                            earliest_, latest_));
  }
  if (result_.evaluations >= options_.max_evaluations) {
    return fail(PATHLINE_TOO_MANY_STEPS, fmt::format("stopped at t = {:.9g} after {} evaluations, the limit",
                                                     result_.t_final, options_.max_evaluations));
  }
  ++result_.evaluations;
  result_.smallest_t = std::min(result_.smallest_t, t);
  result_.largest_t = std::max(result_.largest_t, t);
  const auto begin = Clock::now();
  try {
    evaluate(t, y->tensor, out);
  } catch (...) {
    exception_ = std::current_exception();
    return fail(PATHLINE_HOST_ERROR, fmt::format("the velocity field failed at t = {:.9g}", t));
  }
  result_.field_seconds += std::chrono::duration<double>(Clock::now() - begin).count();
  return PATHLINE_OK;
}

void Integration::evaluate(double t, const at::Tensor& y, pathline_vector* out) {
  at::Tensor velocity = out->tensor;
  field_(t, y, velocity);
  out->finite.reset();
  if (velocity.is_same(out->tensor)) return;
  // The field set `out` to a tensor of its own, perhaps a buffer that it will use again: copy.
  if (velocity.sizes() != y.sizes()) {
    throw std::logic_error(fmt::format("a velocity field returned shape [{}] for a state of shape [{}]",
                                       fmt::join(velocity.sizes(), ", "), fmt::join(y.sizes(), ", ")));
  }
  out->tensor.copy_(velocity);
}

pathline_status Integration::lincomb(pathline_vector* out, std::uint32_t count, const double* coefficients,
                                     const pathline_vector* const* vectors) {
  if (failure_ == PATHLINE_HOST_ERROR) return failure_;
  if (!pool_.valid(out) || (count && (!coefficients || !vectors))) {
    return fail(PATHLINE_HOST_ERROR, "lincomb was given a released or foreign vector, or a null pointer");
  }
  constexpr std::uint32_t usual = 16;
  const at::Tensor* few[usual];
  std::vector<const at::Tensor*> many;
  const at::Tensor** terms = few;
  try {
    if (count > usual) {
      many.resize(count);
      terms = many.data();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!pool_.valid(vectors[i])) {
        return fail(PATHLINE_HOST_ERROR, fmt::format("term {} of lincomb is a released or foreign vector", i));
      }
      if (!std::isfinite(coefficients[i])) {
        return fail(PATHLINE_HOST_ERROR, fmt::format("coefficient {} of lincomb is {}", i, coefficients[i]));
      }
      terms[i] = &vectors[i]->tensor;
    }
    out->finite = linear_combination(out->tensor, count, coefficients, terms);
  } catch (...) {
    exception_ = std::current_exception();
    return fail(PATHLINE_HOST_ERROR, "a linear combination failed");
  }
  return PATHLINE_OK;
}

pathline_status Integration::error_norm(const pathline_vector* error, const pathline_vector* y0,
                                        const pathline_vector* y1, double rtol, double atol, double* result) {
  if (failure_) return failure_;
  if (!pool_.valid(error) || !pool_.valid(y0) || !pool_.valid(y1) || !result) {
    return fail(PATHLINE_HOST_ERROR, "error_norm was given a released or foreign vector, or a null pointer");
  }
  try {
    *result = finite(y1) ? scaled_norm(error->tensor, y0->tensor, y1->tensor, rtol, atol, options_.batch_norm)
                         : std::numeric_limits<double>::quiet_NaN();
  } catch (...) {
    exception_ = std::current_exception();
    return fail(PATHLINE_HOST_ERROR, "an error norm failed");
  }
  return PATHLINE_OK;
}

pathline_status Integration::step_done(double t, double h, bool accepted, const pathline_vector* y) {
  if (failure_) return failure_;
  if (!pool_.valid(y)) return fail(PATHLINE_HOST_ERROR, "step_done was given a released or foreign vector");
  if (!(t >= earliest_ && t <= latest_)) {
    return fail(PATHLINE_HOST_ERROR, fmt::format("the solver reports a step to t = {:.17g}, outside [{:.17g}, {:.17g}]",
                                                 t, earliest_, latest_));
  }
  accepted ? ++result_.accepted : ++result_.rejected;
  try {
    if (accepted) {
      t_reached_ = t;
      if (state_is_due_for_check()) {
        if (!finite(y)) {
          return fail(
              PATHLINE_NON_FINITE,
              fmt::format("NaN or infinite values in the state between t = {:.9g} and {:.9g}", result_.t_final, t));
        }
        result_.t_final = t;
      }
    }
    if (options_.on_step && !options_.on_step(t, h, accepted)) {
      return fail(PATHLINE_CANCELLED, fmt::format("stopped on request at t = {:.9g}", t_reached_));
    }
  } catch (...) {
    exception_ = std::current_exception();
    return fail(PATHLINE_HOST_ERROR, "reporting a step failed");
  }
  return PATHLINE_OK;
}

bool Integration::state_is_due_for_check() const {
  // A kernel already knows on the CPU. On a GPU each check waits for the device, which costs more than a small step.
  constexpr std::uint64_t interval = 8;
  return pool_.on_cpu() || result_.accepted % interval == 0 || t_reached_ == options_.grid.back();
}

bool Integration::finite(const pathline_vector* vector) {
  if (!vector->finite) const_cast<pathline_vector*>(vector)->finite = is_finite(vector->tensor);
  return *vector->finite;
}

const void* Integration::get_extension(const char* id) const {
  const std::string_view wanted = id ? id : "";
  if (wanted == PATHLINE_TEXT_EXTENSION) return &text_;
  if (wanted == PATHLINE_NOISE_EXTENSION && options_.noise) return &noise_;
  return nullptr;
}

const char* Integration::text(const char* name) const {
  const auto found = name ? parameters_.find(name) : parameters_.end();
  return found == parameters_.end() ? nullptr : found->second.text.c_str();
}

const char* Integration::contents(const char* name, std::uint64_t* size) const {
  const auto found = name ? parameters_.find(name) : parameters_.end();
  if (found == parameters_.end() || !found->second.contents) return nullptr;
  if (size) *size = found->second.contents->size();
  return found->second.contents->c_str();
}

pathline_status Integration::normal(std::uint64_t draw, pathline_vector* out) {
  if (failure_) return failure_;
  if (!pool_.valid(out)) return fail(PATHLINE_HOST_ERROR, "the noise was given a released or foreign vector");
  if (draw >= draws_of_noise) {
    return fail(PATHLINE_HOST_ERROR,
                fmt::format("the solver asked for draw {} of its noise, expected less than {}", draw, draws_of_noise));
  }
  try {
    fill_normal(out->tensor, *options_.noise, draw);
    out->finite = true;
  } catch (...) {
    exception_ = std::current_exception();
    return fail(PATHLINE_HOST_ERROR, "drawing noise failed");
  }
  return PATHLINE_OK;
}

void Integration::log(std::int32_t level, const char* text) {
  if (!text) return;
  const std::string line = plain_text({text, ::strnlen(text, longest_plain_text + 1)});
  if (level >= PATHLINE_LOG_ERROR) {
    plugin_message_ = line;  // becomes the message of the result, which the caller prints
  } else if (options_.on_remark) {
    options_.on_remark(level, line);
  } else {
    log_remark(solver_, level, line);
  }
}

void log_remark(const SolverInfo& solver, std::int32_t level, const std::string& line) {
  const std::string text = fmt::format("{}: {}", solver.id, line);
  if (level >= PATHLINE_LOG_WARNING) {
    log_warning(text);
  } else if (level == PATHLINE_LOG_INFO) {
    log_info(text);
  } else {
    log_debug(text);
  }
}

pathline_status Integration::fail(pathline_status status, std::string message) {
  if (!failure_) {
    failure_ = status;
    failure_message_ = std::move(message);
  }
  return failure_;
}

pathline_status Integration::status_of_integrate(pathline_status returned) {
  if (returned == PATHLINE_CANCELLED || returned == PATHLINE_BAD_PARAMETER) {
    return fail(PATHLINE_HOST_ERROR, fmt::format("integrate returned status {} by itself, which only {} may", returned,
                                                 returned == PATHLINE_CANCELLED ? "the host" : "create"));
  }
  return returned;
}

IntegrateResult Integration::finish(pathline_status returned) {
  if (exception_) std::rethrow_exception(exception_);
  if (returned < PATHLINE_OK || returned > PATHLINE_FAILED) {
    fail(PATHLINE_HOST_ERROR, fmt::format("the solver returned the unknown status {}", returned));
  }
  if (returned == PATHLINE_OK && !failure_ && options_.grid.size() > 1 && t_reached_ != options_.grid.back()) {
    fail(PATHLINE_HOST_ERROR,
         fmt::format("the solver says it is done, but its last reported step ended at t = {:.17g}, not at {:.17g}",
                     t_reached_, options_.grid.back()));
  }
  if (failure_) {
    result_.status = status_of(failure_);
    result_.message = failure_message_;
  } else if (returned != PATHLINE_OK) {
    result_.status = status_of(returned);
    result_.message = plugin_message_.empty() ? default_message(returned, t_reached_) : plugin_message_;
  }
  if (result_.evaluations == 0) result_.smallest_t = result_.largest_t = options_.grid.front();
  const std::size_t leaked = pool_.outstanding();
  if (leaked > 0) {
    const std::string message =
        fmt::format("solver {} did not release {} of its {} vectors", solver_.id, leaked, pool_.allocated());
    if (result_.status == Status::done) {
      throw Error(ExitCode::bad_input, message, solver_.file.string(),
                  "the plugin has a leak; its author must correct it");
    }
    log_warning(message);  // what ended the integration matters more
  }
  return result_;
}

}  // namespace pathline::solvers
