#include "trainer/log/progress.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(Progress, SaysStepImagesLossRateAndTimeLeft) {
  EXPECT_EQ(progress_text({1200, 10000, 153600, 0.24111, 1e-3, 161.4, 7000}),
            "step 1,200/10,000  images 153,600  loss 0.2411  lr 1.00e-03  161 img/s  left 1:56:40");
}

}  // namespace
}  // namespace pathline
