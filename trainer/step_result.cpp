#include "trainer/step_result.h"

#include <span>
#include <vector>

#include <fmt/format.h>

#include "trainer/parallel/agreement.h"

namespace pathline {

void agree_on(StepResult& step, parallel::Communicator& communicator) {
  StepSums own;
  own.samples = step.samples;
  own.stopping = step.stop ? 1 : 0;
  own.failed = step.failure.empty() ? 0 : 1;
  own.skipping = step.problem.empty() ? 0 : 1;
  if (step.problem.empty()) own.loss = step.loss_sum;
  std::array<double, 5> values = own.packed();
  communicator.all_reduce_sum(std::span<double>(values));
  const StepSums all = StepSums::unpacked(values);
  if (all.failed > 0) parallel::agree(communicator, step.failure);  // throws on every rank
  step.loss_sum = all.loss;
  step.samples = all.samples;
  step.skip = all.skipping > 0;
  step.stop = all.stopping > 0;
}

std::string gather_problems(const std::string& problem, parallel::Communicator& communicator) {
  std::string all;
  const std::vector<std::string> problems = communicator.all_gather(problem);
  for (std::size_t rank = 0; rank < problems.size(); ++rank) {
    if (problems[rank].empty()) continue;
    if (!all.empty()) all += "; ";
    if (communicator.size() > 1) all += fmt::format("rank {}: ", rank);
    all += problems[rank];
  }
  return all;
}

}  // namespace pathline
