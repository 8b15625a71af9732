#include "flow/networks/layers/parameter_budget.h"

#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"

namespace pathline::flow {
namespace {

thread_local ParameterBudget* current = nullptr;

}  // namespace

ParameterBudget::ParameterBudget(std::uint64_t tensors, std::uint64_t values, std::string place)
    : tensors_(tensors), values_(values), tensors_left_(tensors), values_left_(values), place_(std::move(place)) {
  if (current != nullptr) throw std::logic_error("ParameterBudget: there is one already on this thread");
  current = this;
}

ParameterBudget::~ParameterBudget() {
  current = nullptr;
}

void ParameterBudget::charge(std::uint64_t values) {
  if (current == nullptr) return;
  ParameterBudget& budget = *current;
  if (budget.tensors_left_ == 0 || budget.values_left_ < values) {
    throw Error(ExitCode::bad_input,
                fmt::format("the network settings ask for more than the {} values in {} tensors that are here",
                            budget.values_, budget.tensors_),
                budget.place_, "compare the network settings with those the file was made with");
  }
  --budget.tensors_left_;
  budget.values_left_ -= values;
}

}  // namespace pathline::flow
