#pragma once
// Classifier-free guidance (Ho & Salimans, "Classifier-Free Diffusion Guidance", 2022), in the one form that pathline
// uses, prints and records:
//
//   v = u + w (c - u),   c with the condition given, u without
//
// w = 1 is none, 0 drops the condition, larger w follow it more. (The other form in use, (1 + w') c - w' u, is this one
// with w = 1 + w'.) Thread-safety: pure functions.

#include <functional>

#include <ATen/core/Tensor.h>

#include "flow/condition.h"

namespace pathline::flow {

/// One evaluation of the velocity under a condition: what a network says, turned into a velocity.
using VelocityPass = std::function<at::Tensor(const Condition&)>;

/// How many passes classifier_free() takes: 2, or 1 where w is 0 or 1.
int classifier_free_passes(double w) noexcept;

/// `given` and `null` are the condition and "not given" (null_condition()); neither is evaluated in vain.
at::Tensor classifier_free(const VelocityPass& velocity, const Condition& given, const Condition& null, double w);

}  // namespace pathline::flow
