#include "solvers/conformance/strict_host.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/hash.h"
#include "core/random.h"

namespace pathline::solvers::conformance {
namespace {

bool all_finite(const State& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

constexpr std::size_t most_clones = 1000000;

}  // namespace

struct StrictHost::Vector {
  State values;
  bool written = false, alive = true, of_host = false;
};

// Nothing may be thrown through a plugin's frames.
template <auto Member, typename... Arguments>
auto StrictHost::call(const pathline_host* host, Arguments... arguments) noexcept {
  return (static_cast<StrictHost*>(host->context)->*Member)(arguments...);
}

StrictHost::StrictHost(Settings settings, Behaviour behaviour)
    : settings_(std::move(settings)), behaviour_(std::move(behaviour)) {
  table_.struct_size = sizeof table_;
  table_.abi_major = PATHLINE_ABI_MAJOR;
  table_.abi_minor = PATHLINE_ABI_MINOR;
  table_.context = this;
  table_.clone = [](const pathline_host* h, const pathline_vector* like) { return call<&StrictHost::clone>(h, like); };
  table_.release = [](const pathline_host* h, pathline_vector* vector) { call<&StrictHost::release>(h, vector); };
  table_.rhs = [](const pathline_host* h, double t, const pathline_vector* y, pathline_vector* out) {
    return call<&StrictHost::rhs>(h, t, y, out);
  };
  table_.lincomb = [](const pathline_host* h, pathline_vector* out, std::uint32_t count, const double* coefficients,
                      const pathline_vector* const* vectors) {
    return call<&StrictHost::lincomb>(h, out, count, coefficients, vectors);
  };
  table_.error_norm = [](const pathline_host* h, const pathline_vector* error, const pathline_vector* y0,
                         const pathline_vector* y1, double rtol, double atol,
                         double* norm) { return call<&StrictHost::error_norm>(h, error, y0, y1, rtol, atol, norm); };
  table_.step_done = [](const pathline_host* h, double t, double step, double error, std::int32_t accepted,
                        const pathline_vector* y) {
    return call<&StrictHost::step_done>(h, t, step, error, accepted, y);
  };
  table_.log = [](const pathline_host* h, std::int32_t level, const char* text) {
    call<&StrictHost::log>(h, level, text);
  };
  table_.get_extension = [](const pathline_host* h, const char* id) { return call<&StrictHost::get_extension>(h, id); };
  text_.struct_size = sizeof text_;
  text_.get = [](const pathline_host* h, const char* name) { return call<&StrictHost::text>(h, name); };
  text_.contents = [](const pathline_host* h, const char* name, std::uint64_t* size) {
    return call<&StrictHost::contents>(h, name, size);
  };
  noise_.struct_size = sizeof noise_;
  noise_.normal = [](const pathline_host* h, std::uint64_t draw, pathline_vector* out) {
    return call<&StrictHost::normal>(h, draw, out);
  };
}

StrictHost::~StrictHost() = default;

pathline_vector* StrictHost::begin(const Problem& problem, const std::vector<double>& grid) {
  problem_ = &problem;
  earliest_ = std::min(grid.front(), grid.back());
  latest_ = std::max(grid.front(), grid.back());
  steps_.clear();
  errors_.clear();
  times_.clear();
  evaluations_after_non_finite_ = trace_ = 0;
  seen_non_finite_ = false;
  last_accepted_ = problem.exact(grid.front());
  y_ = add_vector(last_accepted_.size());
  y_->values = last_accepted_;
  y_->written = y_->of_host = true;
  return reinterpret_cast<pathline_vector*>(y_);
}

State StrictHost::end() {
  y_->alive = false;
  return y_->values;
}

std::uint64_t StrictHost::accepted() const {
  return static_cast<std::uint64_t>(
      std::count_if(steps_.begin(), steps_.end(), [](const Step& step) { return step.accepted; }));
}

std::size_t StrictHost::outstanding() const {
  return static_cast<std::size_t>(std::count_if(vectors_.begin(), vectors_.end(),
                                                [](const auto& vector) { return vector->alive && !vector->of_host; }));
}

StrictHost::Vector* StrictHost::add_vector(std::size_t size) {
  vectors_.push_back(std::make_unique<Vector>());
  vectors_.back()->values.assign(size, std::numeric_limits<double>::quiet_NaN());
  known_.insert(vectors_.back().get());
  return vectors_.back().get();
}

void StrictHost::note(const void* data, std::size_t bytes) {
  trace_ = (trace_ << 7 | trace_ >> 57) ^ xxh3_64(data, bytes);
}

pathline_status StrictHost::break_rule(const std::string& what) {
  if (breach_.empty()) breach_ = what;
  if (!failure_) failure_ = PATHLINE_HOST_ERROR;
  return failure_;
}

pathline_status StrictHost::start(const char* function, bool allowed_after_failure) {
  if (behaviour_.before_call) behaviour_.before_call();
  note(function, std::string_view(function).size());
  if (!inside_ || std::this_thread::get_id() != thread_) {
    return break_rule(
        fmt::format("{} was called outside create, integrate and destroy, or from another thread", function));
  }
  if (failure_ && !allowed_after_failure) {
    if (call_after_failure_.empty()) call_after_failure_ = function;
    return failure_;
  }
  if (++failable_calls_ == behaviour_.fail_call) {
    failed_function_ = function;
    failure_ = std::string_view(function) == "clone" ? PATHLINE_OUT_OF_MEMORY : behaviour_.failure;
    return failure_;
  }
  // lincomb goes on working after other failures.
  return breach_.empty() ? PATHLINE_OK : PATHLINE_HOST_ERROR;
}

StrictHost::Vector* StrictHost::look_up(const pathline_vector* handle, const char* function, const char* argument,
                                        bool for_reading) {
  const void* const address = handle;
  if (!known_.contains(address)) {
    break_rule(fmt::format("{} was given {} that is not a vector of this host", function, argument));
    return nullptr;
  }
  auto* const vector = static_cast<Vector*>(const_cast<void*>(address));
  if (!vector->alive) {
    break_rule(vector->of_host ? fmt::format("{} was given the y of an integration that has ended", function)
                               : fmt::format("{} was given {} that was released before", function, argument));
    return nullptr;
  }
  // After a call that was made to fail, what it did not write is a consequence; going on is the fault.
  if (for_reading && !vector->written && failed_function_.empty()) {
    break_rule(
        fmt::format("{} reads {} that was cloned and never written: its contents are unspecified", function, argument));
    return nullptr;
  }
  return vector;
}

pathline_vector* StrictHost::clone(const pathline_vector* like) {
  // After a clone that failed others may still be tried: a solver that asks for all it needs checks them together.
  if (start("clone", failed_function_ == "clone")) return nullptr;
  const Vector* const model = look_up(like, "clone", "a vector", false);
  if (!model) return nullptr;
  if (++clones_ > most_clones) {
    break_rule(fmt::format("more than {} vectors were cloned in one run", most_clones));
    return nullptr;
  }
  return reinterpret_cast<pathline_vector*>(add_vector(model->values.size()));
}

void StrictHost::release(pathline_vector* handle) {
  if (behaviour_.before_call) behaviour_.before_call();
  if (!handle) return;
  Vector* const vector = look_up(handle, "release", "a vector", false);
  if (!vector) return;
  if (vector->of_host) {
    break_rule("release was given y, which is the host's");
    return;
  }
  vector->alive = false;
}

pathline_status StrictHost::rhs(double t, const pathline_vector* y, pathline_vector* out) {
  if (const auto status = start("rhs", false)) return status;
  const Vector* const from = look_up(y, "rhs", "a state", true);
  Vector* const to = look_up(out, "rhs", "an output", false);
  if (!from || !to) return failure_;
  if (from == to) return break_rule("rhs was given the same vector as state and as output");
  if (!(t >= earliest_ && t <= latest_)) {
    return break_rule(fmt::format("rhs was asked at t = {:.17g}, outside [{:.17g}, {:.17g}]", t, earliest_, latest_));
  }
  if (times_.size() >= behaviour_.most_evaluations) return failure_ = PATHLINE_TOO_MANY_STEPS;
  times_.push_back({t, steps_.size()});
  if (seen_non_finite_) ++evaluations_after_non_finite_;
  problem_->velocity(t, from->values, to->values);
  to->written = true;
  seen_non_finite_ = seen_non_finite_ || !all_finite(to->values);
  note(t);
  note(to->values);
  return PATHLINE_OK;
}

pathline_status StrictHost::lincomb(pathline_vector* out, std::uint32_t count, const double* coefficients,
                                    const pathline_vector* const* vectors) {
  if (const auto status = start("lincomb", true)) return status;
  Vector* const to = look_up(out, "lincomb", "an output", false);
  if (!to) return failure_;
  if (count && (!coefficients || !vectors)) return break_rule("lincomb was given a null pointer");
  State sum(to->values.size());
  for (std::uint32_t k = count; k-- > 0;) {
    const Vector* const term = look_up(vectors[k], "lincomb", "a term", coefficients[k] != 0);
    if (!term) return failure_;
    if (!std::isfinite(coefficients[k])) {
      return break_rule(fmt::format("coefficient {} of lincomb is {}", k, coefficients[k]));
    }
    if (coefficients[k] == 0) continue;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += coefficients[k] * term->values[i];
  }
  to->values = std::move(sum);
  to->written = true;
  note(to->values);
  return PATHLINE_OK;
}

pathline_status StrictHost::error_norm(const pathline_vector* error, const pathline_vector* y0,
                                       const pathline_vector* y1, double rtol, double atol, double* result) {
  if (const auto status = start("error_norm", false)) return status;
  const Vector* const e = look_up(error, "error_norm", "an error", true);
  const Vector* const a = look_up(y0, "error_norm", "a state", true);
  const Vector* const b = look_up(y1, "error_norm", "a state", true);
  if (!e || !a || !b) return failure_;
  if (!result) return break_rule("error_norm was given a null pointer");
  double sum = 0;
  for (std::size_t i = 0; i < e->values.size(); ++i) {
    const double scale = atol + rtol * std::max(std::fabs(a->values[i]), std::fabs(b->values[i]));
    sum += std::pow(e->values[i] / scale, 2);
  }
  *result = !all_finite(e->values) || !all_finite(b->values)
                ? std::numeric_limits<double>::quiet_NaN()
                : behaviour_.norm.value_or(std::sqrt(sum / static_cast<double>(e->values.size())));
  note(*result);
  return PATHLINE_OK;
}

pathline_status StrictHost::step_done(double t, double h, double error, std::int32_t accepted,
                                      const pathline_vector* y) {
  const auto status = start("step_done", false);
  const bool fails_here = status && failed_function_ == "step_done" && failable_calls_ == behaviour_.fail_call;
  if (status && !fails_here) return status;
  const Vector* const state = look_up(y, "step_done", "a state", true);
  if (!state) return failure_;
  if (!(t >= earliest_ && t <= latest_)) {
    return break_rule(fmt::format("step_done reports t = {:.17g}, outside [{:.17g}, {:.17g}]", t, earliest_, latest_));
  }
  steps_.push_back({t, h, error, accepted != 0});
  note(t);
  note(h);
  note(state->values);
  if (accepted) {
    if (!all_finite(state->values)) return failure_ = PATHLINE_NON_FINITE;
    last_accepted_ = state->values;
  }
  if (fails_here) return status;
  if (steps_.size() == behaviour_.cancel_at_step) return failure_ = PATHLINE_CANCELLED;
  return PATHLINE_OK;
}

void StrictHost::log(std::int32_t level, const char* text) {
  if (level == PATHLINE_LOG_ERROR && text) errors_.emplace_back(text);
}

const void* StrictHost::get_extension(const char* id) {
  if (!behaviour_.extensions || !id) return nullptr;
  if (std::string_view(id) == PATHLINE_TEXT_EXTENSION) return &text_;
  if (std::string_view(id) == PATHLINE_NOISE_EXTENSION) return &noise_;
  return nullptr;
}

const char* StrictHost::text(const char* name) {
  const auto found = name ? settings_.texts.find(name) : settings_.texts.end();
  return found == settings_.texts.end() ? nullptr : found->second.c_str();
}

const char* StrictHost::contents(const char* name, std::uint64_t* size) {
  const auto found = name ? settings_.contents.find(name) : settings_.contents.end();
  if (found == settings_.contents.end()) return nullptr;
  if (size) *size = found->second.size();
  return found->second.c_str();
}

pathline_status StrictHost::normal(std::uint64_t draw, pathline_vector* out) {
  if (const auto status = start("normal", false)) return status;
  Vector* const to = look_up(out, "normal", "an output", false);
  if (!to) return failure_;
  constexpr std::uint64_t draws = std::uint64_t{1} << 24;
  if (draw >= draws)
    return break_rule(fmt::format("noise of draw {} was asked for, expected less than {}", draw, draws));
  RandomStream(1, Purpose::noise, draw, 0).fill_normal(std::span<double>(to->values));
  to->written = true;
  note(to->values);
  return PATHLINE_OK;
}

}  // namespace pathline::solvers::conformance
