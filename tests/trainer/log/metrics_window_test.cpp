#include "trainer/log/metrics_window.h"

#include <gtest/gtest.h>

namespace pathline {
namespace {

TEST(MetricsWindow, AveragesOverItsStepsAndStartsAnew) {
  MetricsWindow window;
  window.add_step(1.0, 2.0, true);
  window.add_step(3.0, 4.0, false);
  window.add_time(10, 2.0, 0.5, 0.25);
  window.add_time(10, 2.0, 0.5, 0.25);
  window.add_stall(1.0);
  MetricsRecord record;

  window.close(record);

  EXPECT_EQ(record.loss, 2.0);
  EXPECT_EQ(record.loss_sd, 1.0);
  EXPECT_EQ(record.gradient_norm, 3.0);
  EXPECT_EQ(record.clipped, 0.5);
  EXPECT_EQ(record.images_per_second, 5.0);
  EXPECT_EQ(record.reduction, 0.25);
  EXPECT_EQ(record.data_wait, 0.125);
  EXPECT_EQ(record.checkpoint_stall, 0.2);
  EXPECT_EQ(window.steps(), 0U);
}

TEST(MetricsWindow, CountsTimeAndImagesOfSkippedStepsButNotTheirLoss) {
  MetricsWindow window;
  window.add_step(1.0, 2.0, false);
  window.add_time(10, 1.0, 0, 0);
  window.add_time(10, 3.0, 0, 0);  // skipped

  EXPECT_EQ(window.steps(), 1U);
  EXPECT_EQ(window.mean_loss(), 1.0);
  EXPECT_EQ(window.images_per_second(), 5.0);
}

TEST(MetricsWindow, GivesWhatAStepsGradientsTookPerReduction) {
  MetricsWindow window;
  window.add_communication({100, 4, 0.5, 0.25});
  window.add_communication({300, 4, 1.5, 0.75});
  MetricsRecord record;

  window.close(record);

  EXPECT_EQ(record.comm_bytes, 200.0);
  EXPECT_EQ(record.comm_collectives, 4.0);
  EXPECT_EQ(record.comm_seconds, 1.0);
  EXPECT_EQ(record.comm_exposed, 0.5);
}

TEST(MetricsWindow, OfNothingIsAllZeros) {
  MetricsWindow window;
  MetricsRecord record;

  window.close(record);

  EXPECT_EQ(record.loss, 0.0);
  EXPECT_EQ(record.loss_sd, 0.0);
  EXPECT_EQ(record.images_per_second, 0.0);
  EXPECT_EQ(record.checkpoint_stall, 0.0);
}

}  // namespace
}  // namespace pathline
