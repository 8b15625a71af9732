#pragma once
// Runs something that must throw pathline::Error and hands the error over for a closer look.

#include <string>

#include <gtest/gtest.h>

#include "core/error.h"

namespace pathline::test {

template <class Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "expected pathline::Error, nothing was thrown";
  return {ExitCode::ok, "nothing thrown"};
}

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

}  // namespace pathline::test
