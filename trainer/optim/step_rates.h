#pragma once
// What an update is made with besides gradients: functions of the step alone. Thread-safety: a plain value.

namespace pathline {

struct StepRates {
  double learning_rate = 0;
  double ema_beta = 0;  ///< weight of the old average
};

}  // namespace pathline
