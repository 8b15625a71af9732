#include "tools/sweep/reference.h"

#include <cmath>
#include <cstring>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/log.h"
#include "tools/distributed_draw.h"
#include "tools/progress.h"
#include "tools/provenance.h"
#include "tools/version.h"
#include "trainer/parallel/agreement.h"

namespace pathline::tools {

namespace {

/// The reference of a network must not run away on a field that no tolerance suits.
constexpr std::uint64_t most_evaluations = 4000;
constexpr std::int64_t heun_steps = 200;

double rms(const at::Tensor& difference) {
  return std::sqrt(difference.to(at::kDouble).square().mean().item<double>());
}

class ReferenceMaker {
 public:
  ReferenceMaker(OpenedModel& opened, const CellStore& store, parallel::Communicator& communicator,
                 std::set<std::string>& used)
      : opened_(opened), store_(store), communicator_(communicator), used_(used) {}

  Reference make(double tolerance) {
    if (!opened_.checkpoint) return exact();
    // bfloat16 rounds velocities to three digits: step control would chase that noise, so fixed steps serve there.
    if (opened_.precision != "bf16") {
      Reference adaptive = from_dopri5(tolerance);
      if (adaptive.endpoint.defined()) return adaptive;
      if (communicator_.rank() == 0)
        log_warning("dopri5 did not reach t = 1 at the reference tolerance; the reference is Heun's instead");
    }
    return from_heun();
  }

 private:
  struct Solution {
    at::Tensor endpoint;  // on every rank; undefined if the solver did not arrive
    double evaluations = 0;
    std::string key;
    sampling::DrawResult result;  // empty when it came from the store
  };

  Reference exact() {
    // In double precision even for single-precision states: the reference should not be rounded with what it judges.
    const at::Tensor noise = opened_.request.noise(0, opened_.request.count).to(at::kDouble);
    return {opened_.model->exact_endpoint(noise), "the exact endpoint F⁻¹(Φ(x₀)) of the mixture", "exact", 0};
  }

  Solution solve(const solvers::Solver& solver, const solvers::IntegrateOptions& integrate, const std::string& what) {
    auto settings = describe_problem(opened_);
    const solvers::SolverInfo& info = solver.info();
    settings.emplace_back("solution", info.id + " " + info.version + " " + info.sha256);
    settings.emplace_back("params", describe_parameters(info, integrate.parameters));
    settings.emplace_back("grid", fmt::format("{}", fmt::join(integrate.grid, ",")));
    settings.emplace_back("tolerances", fmt::format("{} {}", integrate.rtol, integrate.atol));
    Solution solution;
    solution.key = store_key(settings);
    used_.insert(solution.key);
    if (from_store(solution)) return solution;

    sampling::DrawRequest request = opened_.request;
    request.integrate = integrate;
    {
      Progress progress("reference", communicator_.rank() != 0);
      solution.result = draw_samples(*opened_.model, solver, request, communicator_,
                                     [&](double fraction) { progress.update(fraction, what); });
    }
    solution.evaluations = solution.result.evaluations();
    if (!solution.result.done()) return solution;
    solution.endpoint = std::move(solution.result.raw);
    parallel::together(communicator_, [&] {
      if (communicator_.rank() == 0) save(solution);
    });
    share(solution);
    return solution;
  }

  at::Tensor empty_endpoint() const {
    const data::ImageShape& shape = opened_.model->shape();
    return at::empty({opened_.request.count, shape.channels, shape.height, shape.width},
                     at::dtype(opened_.model->dtype()));
  }

  bool from_store(Solution& solution) {
    std::uint8_t found = 0;
    if (communicator_.rank() == 0) {
      const auto stored = store_.load_solution(solution.key);
      at::Tensor endpoint = empty_endpoint();
      if (stored && stored->dtype == opened_.dtype && stored->values.size() == endpoint.nbytes()) {
        std::memcpy(endpoint.data_ptr(), stored->values.data(), stored->values.size());
        solution.endpoint = endpoint;
        solution.evaluations = stored->evaluations;
        found = 1;
      }
    }
    communicator_.broadcast(&found, 1, 0);
    if (found) share(solution);
    return found != 0;
  }

  void save(const Solution& solution) {
    const at::Tensor values = solution.endpoint.contiguous();
    store_.save_solution(solution.key, {solution.evaluations, opened_.dtype,
                                        std::string(static_cast<const char*>(values.data_ptr()), values.nbytes())});
  }

  /// Every rank runs cells of its own, so every rank needs the endpoints.
  void share(Solution& solution) {
    if (communicator_.rank() != 0) solution.endpoint = empty_endpoint();
    communicator_.broadcast(solution.endpoint.data_ptr(), solution.endpoint.nbytes(), 0);
    communicator_.broadcast(&solution.evaluations, sizeof solution.evaluations, 0);
  }

  static Reference compared(const Solution& fine, const Solution& coarse, const std::string& description) {
    return {fine.endpoint, description, fine.key + coarse.key, rms(fine.endpoint - coarse.endpoint)};
  }

  Reference from_dopri5(double tolerance) {
    const auto solver = solvers::find_solver("dopri5");
    solvers::IntegrateOptions integrate;
    integrate.grid = {0.0, 1.0};
    integrate.max_evaluations = most_evaluations;
    integrate.rtol = integrate.atol = tolerance;
    const std::string what = fmt::format("dopri5 with rtol = atol = {:g}", tolerance);
    const Solution fine = solve(*solver, integrate, what);
    if (!fine.endpoint.defined()) return {};
    integrate.rtol = integrate.atol = 4 * tolerance;
    const Solution coarse = solve(*solver, integrate, "a second solution, to check the reference");
    if (!coarse.endpoint.defined()) return {};
    return compared(fine, coarse, fmt::format("{} ({:g} evaluations)", what, fine.evaluations));
  }

  Solution heun(std::int64_t steps, const std::string& what) {
    const auto solver = solvers::find_solver("heun");
    solvers::IntegrateOptions integrate;
    integrate.grid = solvers::make_grid("uniform", steps);
    Solution solution = solve(*solver, integrate, what);
    if (!solution.endpoint.defined()) sampling::fail_draw(solver->info(), solution.result);
    return solution;
  }

  Reference from_heun() {
    const std::string what = fmt::format("Heun with {} steps", heun_steps);
    const Solution fine = heun(heun_steps, what);
    return compared(fine, heun(heun_steps / 2, "a second solution, to check the reference"), what);
  }

  OpenedModel& opened_;
  const CellStore& store_;
  parallel::Communicator& communicator_;
  std::set<std::string>& used_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> describe_problem(const OpenedModel& opened) {
  const sampling::DrawRequest& request = opened.request;
  // Threads because they reorder sums inside convolutions, and because the seconds depend on them.
  return {{"versions", version_line()},
          {"model", opened.source_sha256},
          {"weights", opened.weights},
          {"precision", opened.precision},
          {"dtype", opened.dtype},
          {"device", opened.device},
          {"guidance", opened.guidance},
          {"labels", fmt::format("{}", fmt::join(request.labels, ","))},
          {"count", std::to_string(request.count)},
          {"batch", std::to_string(request.batch)},
          {"noise", opened.initial.empty() ? "drawn from the seed" : opened.initial_sha256},
          {"seed", std::to_string(opened.seed)},
          {"threads", std::to_string(opened.threads)}};
}

Reference make_reference(OpenedModel& opened, double tolerance, const CellStore& store,
                         parallel::Communicator& communicator, std::set<std::string>& used) {
  return ReferenceMaker(opened, store, communicator, used).make(tolerance);
}

}  // namespace pathline::tools
