#ifndef PATHLINE_SOLVER_HPP
#define PATHLINE_SOLVER_HPP
// C++17 over <pathline/solver.h>, for solver plugins: vectors that release themselves, calls that throw instead of
// returning a status, and the tables made from a class. Needs the standard library only, and adds nothing to the ABI:
// the plugin it makes is the same plain-C plugin.
//
//   #include <pathline/solver.hpp>
//   using namespace pathline::plugin;
//
//   struct Midpoint {
//     static constexpr Description description{"midpoint", "Midpoint", "1.0.0", "Explicit midpoint method.", 2, 2};
//
//     void integrate(const Host& host, const Problem& problem, State y) {
//       Vector k = host.clone(y), middle = host.clone(y);
//       for (const Interval step : problem) {
//         host.rhs(step.t, y, k);
//         host.lincomb(middle, {{1, y}, {step.h() / 2, k}});
//         host.rhs(step.t + step.h() / 2, middle, k);
//         host.lincomb(y, {{1, y}, {step.h(), k}});
//         host.step_done(step.end, step.h(), y);
//       }
//     }
//   };
//   PATHLINE_EXPORT_SOLVERS(Midpoint)
//
// A host function that does not return PATHLINE_OK throws Stop here; the stack unwinds, the vectors are released, and
// the border returns the status. No exception leaves the plugin. Everything below is for one thread at a time, as an
// instance is.
//
// A solver class may also have
//   static constexpr pathline_parameter parameters[] = {real(…), integer(…), choice(…)};  numbers that users set
//   static constexpr pathline_text_parameter text_parameters[] = {text(…), file(…)};      texts
//   explicit Midpoint(const Values& values);     takes their values; without it the class is default-constructed
// An object lives from create to destroy; integrate may be called on it many times.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <pathline/solver.h>

namespace pathline::plugin {

/// A state that belongs to somebody else: y, or a Vector.
using State = pathline_vector*;
using ConstState = const pathline_vector*;

/// Ends an integration with a status. Thrown by Host; throw it yourself, or better call Host::fail.
struct Stop {
  pathline_status status;
};

/// A cloned vector: owns it, releases it. Its contents are unspecified until it is written.
class Vector {
 public:
  Vector(const pathline_host* host, pathline_vector* owned) noexcept : host_(host), vector_(owned) {}
  Vector(Vector&& other) noexcept : host_(other.host_), vector_(std::exchange(other.vector_, nullptr)) {}
  Vector& operator=(Vector&& other) noexcept {
    std::swap(host_, other.host_);
    std::swap(vector_, other.vector_);
    return *this;
  }
  ~Vector() {
    if (vector_) host_->release(host_, vector_);
  }
  operator pathline_vector*() const noexcept { return vector_; }

  friend void swap(Vector& a, Vector& b) noexcept { std::swap(a.vector_, b.vector_); }

 private:
  const pathline_host* host_;
  pathline_vector* vector_;
};

/// One term of a linear combination.
struct Term {
  double coefficient;
  ConstState vector;
};

/// The host's functions. Each throws Stop if the host wants the integration to end.
class Host {
 public:
  explicit Host(const pathline_host* host) noexcept : host_(host) {}

  Vector clone(ConstState like) const {
    pathline_vector* const made = host_->clone(host_, like);
    if (!made) throw Stop{PATHLINE_OUT_OF_MEMORY};
    return Vector(host_, made);
  }
  /// out = f(t, y). Take the ends of steps from the grid: t + h may lie one rounding beyond.
  void rhs(double t, ConstState y, State out) const { check(host_->rhs(host_, t, y, out)); }
  /// out = the sum of the terms; out may be one of them.
  void lincomb(State out, std::initializer_list<Term> terms) const { lincomb(out, terms.begin(), terms.size()); }
  void lincomb(State out, const Term* terms, std::size_t count) const {
    if (count > most_terms) fail(PATHLINE_FAILED, "a linear combination has too many terms");
    double coefficients[most_terms];
    ConstState vectors[most_terms];
    for (std::size_t i = 0; i < count; ++i) {
      coefficients[i] = terms[i].coefficient;
      vectors[i] = terms[i].vector;
    }
    check(host_->lincomb(host_, out, static_cast<std::uint32_t>(count), coefficients, vectors));
  }
  /// <= 1: accurate enough. Test !(norm <= 1), for it is NaN where err or y1 is not finite.
  double error_norm(ConstState error, ConstState y0, ConstState y1, double rtol, double atol) const {
    double norm = 0;
    check(host_->error_norm(host_, error, y0, y1, rtol, atol, &norm));
    return norm;
  }
  /// After an accepted step of h to (t, y).
  void step_done(double t, double h, ConstState y, double error = 0) const {
    check(host_->step_done(host_, t, h, error, 1, y));
  }
  /// After an attempt of h that was given up: the solver still stands at (t, y).
  void step_rejected(double t, double h, ConstState y, double error) const {
    check(host_->step_done(host_, t, h, error, 0, y));
  }

  void log(std::int32_t level, const std::string& text) const { host_->log(host_, level, text.c_str()); }
  /// Says why, for the user, and ends the integration.
  [[noreturn]] void fail(pathline_status status, const std::string& why) const {
    log(PATHLINE_LOG_ERROR, why);
    throw Stop{status};
  }

  /// out = standard normals of this number; see pathline_noise. For solvers with the flag PATHLINE_STOCHASTIC.
  void normal(std::uint64_t draw, State out) const {
    const auto* const noise = static_cast<const pathline_noise*>(extension(PATHLINE_NOISE_EXTENSION));
    if (!noise) fail(PATHLINE_FAILED, "this host gives no noise (" PATHLINE_NOISE_EXTENSION ")");
    check(noise->normal(host_, draw, out));
  }
  const void* extension(const char* id) const { return host_->get_extension(host_, id); }
  const pathline_host* get() const noexcept { return host_; }

 private:
  static constexpr std::size_t most_terms = 64;
  static void check(pathline_status status) {
    if (status != PATHLINE_OK) throw Stop{status};
  }

  const pathline_host* host_;
};

/// A step of the grid, from t to end.
struct Interval {
  double t, end;
  double h() const noexcept { return end - t; }  ///< negative on descending grids
};

/// What to integrate: a range of intervals. Adaptive solvers use start(), end_time() and the tolerances.
class Problem {
 public:
  explicit Problem(const pathline_problem* problem) noexcept : problem_(problem) {}

  class Iterator {
   public:
    explicit Iterator(const double* t) noexcept : t_(t) {}
    Interval operator*() const noexcept { return {t_[0], t_[1]}; }
    Iterator& operator++() noexcept {
      ++t_;
      return *this;
    }
    bool operator!=(const Iterator& other) const noexcept { return t_ != other.t_; }

   private:
    const double* t_;
  };
  Iterator begin() const noexcept { return Iterator(problem_->t); }
  Iterator end() const noexcept { return Iterator(problem_->t + problem_->steps); }

  std::uint32_t steps() const noexcept { return problem_->steps; }
  bool empty() const noexcept { return problem_->steps == 0; }
  double start() const noexcept { return problem_->t[0]; }
  double end_time() const noexcept { return problem_->t[problem_->steps]; }
  double rtol() const noexcept { return problem_->rtol; }
  double atol() const noexcept { return problem_->atol; }

 private:
  const pathline_problem* problem_;
};

/// What the solver is; the meaning of the fields is that of pathline_solver.
struct Description {
  const char* id;
  const char* name;
  const char* version;
  const char* description;
  std::int32_t order;
  double evaluations_per_step;
  std::uint32_t flags = PATHLINE_DESCENDING;
  std::int32_t embedded_order = 0;
};

// Parameters
// --------------------------------------------------------------------------------------------------------------------

constexpr pathline_parameter real(const char* name, const char* doc, double minimum, double maximum,
                                  double default_value) {
  return {sizeof(pathline_parameter), PATHLINE_PARAMETER_REAL, name, doc, nullptr, minimum, maximum, default_value};
}
constexpr pathline_parameter integer(const char* name, const char* doc, double minimum, double maximum,
                                     double default_value) {
  return {sizeof(pathline_parameter), PATHLINE_PARAMETER_INTEGER, name, doc, nullptr, minimum, maximum, default_value};
}
/// `choices`: "first|second|…"; the value is the number of the choice, from 0.
constexpr pathline_parameter choice(const char* name, const char* doc, const char* choices, int default_value = 0) {
  double maximum = 0;
  for (const char* c = choices; *c; ++c) maximum += *c == '|' ? 1 : 0;
  return {sizeof(pathline_parameter),        PATHLINE_PARAMETER_CHOICE, name, doc, choices, 0, maximum,
          static_cast<double>(default_value)};
}
/// `default_value` nullptr: users must give one.
constexpr pathline_text_parameter text(const char* name, const char* doc, const char* default_value) {
  return {sizeof(pathline_text_parameter), PATHLINE_TEXT_PLAIN, name, doc, default_value};
}
constexpr pathline_text_parameter file(const char* name, const char* doc, const char* default_value) {
  return {sizeof(pathline_text_parameter), PATHLINE_TEXT_FILE, name, doc, default_value};
}

/// The values that an instance is created with.
class Values {
 public:
  Values(const pathline_host* host, const pathline_solver* solver, const double* values) noexcept
      : host_(host), solver_(solver), values_(values) {}

  std::uint32_t size() const noexcept { return solver_->parameter_count; }
  double operator[](std::uint32_t i) const noexcept { return values_[i]; }
  /// By name; a name that the table lacks is a mistake of the plugin.
  double operator[](const char* name) const {
    for (std::uint32_t i = 0; i < size(); ++i) {
      if (std::strcmp(solver_->parameters[i]->name, name) == 0) return values_[i];
    }
    throw std::out_of_range(std::string("no parameter '") + name + "'");
  }
  /// Of a text parameter.
  std::string_view text(const char* name) const {
    const char* const value = texts().get(host_, name);
    if (!value) throw std::out_of_range(std::string("no text parameter '") + name + "'");
    return value;
  }
  /// Of the file that a text parameter names; empty if it names none.
  std::string_view contents(const char* name) const {
    std::uint64_t size = 0;
    const char* const bytes = texts().contents(host_, name, &size);
    return bytes ? std::string_view(bytes, size) : std::string_view();
  }
  Host host() const noexcept { return Host(host_); }
  /// Refuses the combination of values.
  [[noreturn]] void refuse(const std::string& why) const { host().fail(PATHLINE_BAD_PARAMETER, why); }

 private:
  const pathline_text& texts() const {
    const auto* const found = static_cast<const pathline_text*>(host().extension(PATHLINE_TEXT_EXTENSION));
    if (!found) host().fail(PATHLINE_FAILED, "this host gives no text parameters (" PATHLINE_TEXT_EXTENSION ")");
    return *found;
  }

  const pathline_host* host_;
  const pathline_solver* solver_;
  const double* values_;
};

// The border
// --------------------------------------------------------------------------------------------------------------------

namespace detail {

/// Calls f; whatever it throws becomes a status, with its text in the log.
template <typename F>
pathline_status guard(const pathline_host* host, F f) noexcept {
  try {
    f();
    return PATHLINE_OK;
  } catch (const Stop& stop) {
    return stop.status;
  } catch (const std::bad_alloc&) {
    return PATHLINE_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    host->log(host, PATHLINE_LOG_ERROR, error.what());
  } catch (...) {
    host->log(host, PATHLINE_LOG_ERROR, "an exception without a text");
  }
  return PATHLINE_FAILED;
}

template <typename Item, std::size_t N>
struct Pointers {
  const Item* to[N];
};
template <typename Item, std::size_t N, std::size_t... I>
constexpr Pointers<Item, N> pointers_to(const Item (&items)[N], std::index_sequence<I...>) {
  return {{&items[I]...}};
}

template <typename Solver, typename = void>
struct Numbers {
  static constexpr std::uint32_t count = 0;
  static constexpr const pathline_parameter* const* list = nullptr;
};
template <typename Solver>
struct Numbers<Solver, std::void_t<decltype(Solver::parameters)>> {
  static constexpr std::uint32_t count = std::extent_v<decltype(Solver::parameters)>;
  static constexpr auto pointers = pointers_to(Solver::parameters, std::make_index_sequence<count>{});
  static constexpr const pathline_parameter* const* list = pointers.to;
};
template <typename Solver, typename = void>
struct Texts {
  static constexpr std::uint32_t count = 0;
  static constexpr const pathline_text_parameter* const* list = nullptr;
};
template <typename Solver>
struct Texts<Solver, std::void_t<decltype(Solver::text_parameters)>> {
  static constexpr std::uint32_t count = std::extent_v<decltype(Solver::text_parameters)>;
  static constexpr auto pointers = pointers_to(Solver::text_parameters, std::make_index_sequence<count>{});
  static constexpr const pathline_text_parameter* const* list = pointers.to;
};

/// The C table of a solver class, and the functions in it.
template <typename Solver>
struct Exported {
  static pathline_status create(const pathline_host* host, const double* values, void** instance) {
    return guard(host, [&] {
      if constexpr (std::is_constructible_v<Solver, const Values&>) {
        *instance = new Solver(Values(host, &table, values));
      } else {
        *instance = new Solver();
      }
    });
  }
  static pathline_status integrate(void* instance, const pathline_host* host, const pathline_problem* problem,
                                   pathline_vector* y) {
    return guard(host, [&] { static_cast<Solver*>(instance)->integrate(Host(host), Problem(problem), y); });
  }
  static void destroy(void* instance, const pathline_host*) { delete static_cast<Solver*>(instance); }

  static constexpr pathline_solver table = {
      sizeof(pathline_solver),
      Solver::description.flags,
      Solver::description.id,
      Solver::description.name,
      Solver::description.version,
      Solver::description.description,
      Solver::description.order,
      Solver::description.embedded_order,
      Solver::description.evaluations_per_step,
      Numbers<Solver>::count,
      0,
      Numbers<Solver>::list,
      create,
      integrate,
      destroy,
      Texts<Solver>::count,
      0,
      Texts<Solver>::list,
  };
};

template <typename... Solvers>
struct Plugin {
  static constexpr std::uint32_t count = sizeof...(Solvers);
  static constexpr const pathline_solver* solvers[] = {&Exported<Solvers>::table...};
};

}  // namespace detail
}  // namespace pathline::plugin

/// Defines the table that the plugin exports, with these solver classes in it. Once, at file scope.
#define PATHLINE_EXPORT_SOLVERS(...)                                                                                \
  extern "C" const pathline_plugin_table pathline_plugin = {sizeof(pathline_plugin_table), PATHLINE_ABI_MAJOR,      \
                                                            PATHLINE_ABI_MINOR,                                     \
                                                            ::pathline::plugin::detail::Plugin<__VA_ARGS__>::count, \
                                                            ::pathline::plugin::detail::Plugin<__VA_ARGS__>::solvers};

#endif
