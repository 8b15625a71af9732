#include "trainer/parallel/session.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/expect_error.h"

namespace pathline::parallel {
namespace {

using test::error_of;

TEST(Session, IsInactiveWithoutALauncherAndOffersOnlySelf) {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr)
    GTEST_SKIP() << "under mpirun";
  Session session(nullptr, nullptr);

  EXPECT_FALSE(session.active());
  EXPECT_EQ(session.communicator()->name(), "self");
  EXPECT_EQ(error_of([&] { session.communicator("mpi"); }).code(), ExitCode::usage);
  EXPECT_EQ(error_of([&] { session.communicator("nccl"); }).code(), ExitCode::usage);
}

TEST(Session, RefusesAnUnknownBackendNamingThoseThereAre) {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr)
    GTEST_SKIP() << "under mpirun";
  Session session(nullptr, nullptr);

  const Error error = error_of([&] { session.communicator("gloo"); });

  EXPECT_EQ(error.code(), ExitCode::usage);
  EXPECT_EQ(error.hint(), "one of auto, self, mpi, nccl");
}

}  // namespace
}  // namespace pathline::parallel
