#include "trainer/log/progress.h"

#include <fmt/format.h>

#include "core/number_text.h"

namespace pathline {

std::string progress_text(const ProgressState& s) {
  return fmt::format("step {}/{}  images {}  loss {:.4f}  lr {:.2e}  {:.0f} img/s  left {}", grouped(s.step),
                     grouped(s.total_steps), grouped(s.images), s.loss, s.learning_rate, s.images_per_second,
                     duration_text(s.seconds_left));
}

}  // namespace pathline
