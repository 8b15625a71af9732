#include "tools/sweep/run.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/log.h"
#include "tools/progress.h"
#include "trainer/parallel/agreement.h"

namespace pathline::tools {

namespace {

/// First use of a model pays for thread pools and weight layouts; that should not count against the first cell.
void warm_up(OpenedModel& opened) {
  const at::NoGradGuard no_gradients;
  const sampling::DrawRequest& request = opened.request;
  const at::Tensor state = request.noise(0, request.batch).to(opened.model->device(), opened.model->dtype());
  at::Tensor labels, out = at::empty_like(state);
  if (!request.labels.empty()) labels = at::full({request.batch}, request.labels[0], state.options().dtype(at::kLong));
  opened.model->velocity(0.0, state, labels, out);
}

void measure_errors(const at::Tensor& endpoint, const at::Tensor& reference, std::int64_t shown, CellOutcome& outcome) {
  const at::Tensor difference = endpoint.to(at::kDouble) - reference.to(at::kDouble);
  const at::Tensor squares = difference.square().flatten(1).mean(1).contiguous();
  outcome.rms_error = std::sqrt(squares.mean().item<double>());
  outcome.max_error = difference.abs().max().item<double>();
  const at::Tensor by_sample = squares.sqrt();
  outcome.sample_rms.assign(by_sample.const_data_ptr<double>(), by_sample.const_data_ptr<double>() + by_sample.numel());
  outcome.strip = strip_of(endpoint, shown);
}

CellOutcome run_cell(const PlannedCell& planned, OpenedModel& opened, const Reference& reference,
                     const RunSetting& setting, const std::function<void(double)>& progress) {
  sampling::DrawRequest request = opened.request;
  request.integrate = planned.integrate;
  const sampling::DrawResult result = sampling::draw_samples(*opened.model, *planned.solver, request, progress);
  CellOutcome outcome;
  outcome.evaluations = result.evaluations();
  outcome.accepted = result.accepted();
  outcome.rejected = result.rejected();
  outcome.status = solvers::to_string(result.worst().status);
  outcome.t_final = result.worst().t_final;
  outcome.message = result.worst().message;
  outcome.seconds = result.seconds();
  outcome.solver_seconds = result.solver_seconds();
  outcome.ranks = setting.communicator.size();
  outcome.host_ranks = setting.communicator.local_size();
  if (result.done()) measure_errors(result.raw, reference.endpoint, setting.shown, outcome);
  return outcome;
}

/// The key of a cell: everything that its outcome depends on. `problem`: describe_problem() of the model.
std::string cell_key(const PlannedCell& planned, std::vector<std::pair<std::string, std::string>> problem,
                     const Reference& reference, std::int64_t shown) {
  const SweepCell& cell = planned.cell;
  problem.emplace_back("solver", cell.solver + " " + cell.version + " " + cell.plugin_sha256);
  problem.emplace_back("params", cell.params);
  problem.emplace_back("grid", fmt::format("{}", fmt::join(planned.integrate.grid, ",")));
  problem.emplace_back("tolerances", fmt::format("{} {}{}", cell.rtol, cell.atol,
                                                 planned.integrate.batch_norm ? " over the batch" : ""));
  problem.emplace_back("reference", reference.key);
  problem.emplace_back("shown", std::to_string(shown));
  return store_key(problem);
}

/// Outcomes that the store has, as rank 0 sees them; the others learn from it which those are.
std::vector<std::optional<CellOutcome>> load_kept(const std::vector<std::string>& keys, const RunSetting& setting) {
  std::vector<std::optional<CellOutcome>> kept(keys.size());
  std::vector<std::uint8_t> known(keys.size(), 0);
  if (setting.communicator.rank() == 0) {
    for (std::size_t i = 0; i < keys.size(); ++i) known[i] = (kept[i] = setting.store.load_cell(keys[i])).has_value();
  }
  setting.communicator.broadcast(known.data(), known.size(), 0);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (known[i] && !kept[i]) kept[i].emplace();
  }
  return kept;
}

}  // namespace

std::vector<double> strip_of(const at::Tensor& raw, std::int64_t shown) {
  const at::Tensor values = raw.narrow(0, 0, std::min(shown, raw.size(0))).to(at::kDouble).contiguous();
  return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

std::vector<CellOutcome> run_cells(const std::vector<PlannedCell>& cells, OpenedModel& opened,
                                   const Reference& reference, const RunSetting& setting, std::set<std::string>& used) {
  parallel::Communicator& communicator = setting.communicator;
  const auto problem = describe_problem(opened);
  std::vector<std::string> keys;
  keys.reserve(cells.size());
  for (const PlannedCell& planned : cells) keys.push_back(cell_key(planned, problem, reference, setting.shown));
  used.insert(keys.begin(), keys.end());
  std::vector<std::optional<CellOutcome>> outcomes = load_kept(keys, setting);

  std::vector<std::size_t> missing;
  std::vector<double> costs;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (outcomes[i]) continue;
    missing.push_back(i);
    costs.push_back(cells[i].cost());
  }
  if (communicator.rank() == 0 && missing.size() < cells.size()) {
    log_info(fmt::format("{}: {} of {} cells are kept from before", setting.title, cells.size() - missing.size(),
                         cells.size()));
  }
  const std::vector<int> owner = share_out(costs, communicator.size());
  double all = 0, done = 0;
  for (std::size_t k = 0; k < missing.size(); ++k) all += owner[k] == communicator.rank() ? costs[k] : 0;

  NumberedOutcomes mine;
  parallel::together(communicator, [&] {
    if (all > 0) warm_up(opened);
    Progress progress(setting.title, communicator.rank() != 0);
    for (std::size_t k = 0; k < missing.size(); ++k) {
      if (owner[k] != communicator.rank()) continue;
      const PlannedCell& planned = cells[missing[k]];
      const std::string what = planned.cell.solver + ", " + planned.cell.budget();
      CellOutcome outcome = run_cell(planned, opened, reference, setting, [&](double fraction) {
        progress.update((done + fraction * costs[k]) / all, what);
      });
      done += costs[k];
      setting.store.save_cell(keys[missing[k]], outcome);
      mine.emplace_back(missing[k], std::move(outcome));
    }
  });

  const std::vector<std::string> texts = communicator.gather(encode(mine), 0);
  if (communicator.rank() != 0) return {};
  for (const std::string& text : texts) {
    for (auto& [number, outcome] : decode(text)) outcomes[number] = std::move(outcome);
  }
  std::vector<CellOutcome> result;
  result.reserve(outcomes.size());
  for (auto& outcome : outcomes) result.push_back(std::move(*outcome));
  return result;
}

}  // namespace pathline::tools
