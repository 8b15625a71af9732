#pragma once
// An environment variable that is as it was again at the end. For one thread.

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

namespace pathline::test {

class EnvironmentVariable {
 public:
  /// Nothing: not set.
  explicit EnvironmentVariable(std::string name, const std::optional<std::string>& value = std::nullopt)
      : name_(std::move(name)) {
    if (const char* before = std::getenv(name_.c_str())) before_ = before;
    set(value);
  }
  ~EnvironmentVariable() { set(before_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

  void set(const std::optional<std::string>& value) {
    value ? ::setenv(name_.c_str(), value->c_str(), 1) : ::unsetenv(name_.c_str());
  }

 private:
  std::string name_;
  std::optional<std::string> before_;
};

}  // namespace pathline::test
