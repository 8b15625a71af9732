#pragma once
// A limit on what networks built on this thread may allocate for their parameters: whoever builds one from settings in
// a file first looks at how much the weights beside them hold.
//
// Every WeightedLayer charges its tensors before it allocates them, so that settings which ask for more end with an
// error at the first layer too many, with no more memory taken than the weights fill. Thread-safety: each thread has
// its own.

#include <cstdint>
#include <string>

namespace pathline::flow {

class ParameterBudget {
 public:
  /// For as long as it lives: at most `tensors` parameters with at most `values` numbers in all. `place`: the file that
  /// holds so many, for the error. Budgets do not nest.
  ParameterBudget(std::uint64_t tensors, std::uint64_t values, std::string place);
  ~ParameterBudget();
  ParameterBudget(const ParameterBudget&) = delete;
  ParameterBudget& operator=(const ParameterBudget&) = delete;

  /// One more parameter of `values` numbers. Throws Error(bad_input) at the budget's place if that is too much; without
  /// a budget nothing is.
  static void charge(std::uint64_t values);

 private:
  const std::uint64_t tensors_, values_;
  std::uint64_t tensors_left_, values_left_;
  const std::string place_;
};

}  // namespace pathline::flow
