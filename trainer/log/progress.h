#pragma once
// The progress of a training run on stderr: one line that renews itself on a terminal, plain lines now and then
// elsewhere. Thread-safety: one thread.

#include <chrono>
#include <cstdint>
#include <string>

namespace pathline {

struct ProgressState {
  std::uint64_t step = 0, total_steps = 0, images = 0;
  double loss = 0, learning_rate = 0, images_per_second = 0;
  double seconds_left = 0;
};

/// "step 1,200/10,000  images 153,600  loss 0.2411  lr 1.00e-03  161 img/s  left 0:52:10"
std::string progress_text(const ProgressState& state);
/// "0:52:10", "2 d 03:10:00".
std::string duration_text(double seconds);
/// 1234567 -> "1,234,567"
std::string grouped(std::uint64_t number);

class Progress {
 public:
  /// `enabled` false: shows nothing (ranks above 0).
  explicit Progress(bool enabled);
  ~Progress();  ///< leaves the cursor on a fresh line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// True when update() would show something: often on a terminal, rarely elsewhere.
  bool due() const;
  void update(const ProgressState& state);
  /// Ends the line in progress, so that other messages start on a line of their own.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_, terminal_, line_open_ = false;
  Clock::time_point next_;
  Clock::duration pause_;
};

}  // namespace pathline
