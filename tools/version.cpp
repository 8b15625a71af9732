#include "tools/version.h"

#include <boost/version.hpp>
#include <fmt/format.h>
#include <hdf5.h>
#include <nlohmann/json.hpp>
#include <png.h>
#include <spdlog/version.h>
#include <xxhash.h>

// Only the header's folder and libmpi are needed, no MPI session: the question may be asked before MPI_Init.
#if __has_include(<mpi.h>)
#include <mpi.h>
#endif

namespace pathline::tools {

namespace {

/// "Open MPI v4.1.4": the first words of what the library says of itself; "" where this file was built without MPI's
/// header.
std::string mpi_version() {
#ifdef MPI_VERSION
  std::string text(MPI_MAX_LIBRARY_VERSION_STRING, '\0');
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return {};
  text.resize(static_cast<std::size_t>(length));
  return text.substr(0, text.find_first_of(",\n"));
#else
  return {};
#endif
}

}  // namespace

std::string pathline_version() {
  return PATHLINE_VERSION;
}

std::vector<std::pair<std::string, std::string>> library_versions() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  std::vector<std::pair<std::string, std::string>> versions = {
      {"LibTorch", PATHLINE_LIBTORCH_VERSION},
      {"HDF5", fmt::format("{}.{}.{}", major, minor, release)},
      {"Boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
      {"libpng", png_get_libpng_ver(nullptr)},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"nlohmann-json",
       fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"xxHash",
       fmt::format("{}.{}.{}", XXH_VERSION_NUMBER / 10000, XXH_VERSION_NUMBER / 100 % 100, XXH_VERSION_NUMBER % 100)},
  };
  if (const std::string mpi = mpi_version(); !mpi.empty()) versions.insert(versions.begin() + 1, {"MPI", mpi});
  return versions;
}

std::string version_text() {
  std::string text = "pathline " + pathline_version() + "\n";
  for (const auto& [name, version] : library_versions()) text += fmt::format("  {:<14} {}\n", name, version);
  return text;
}

std::string version_line() {
  std::string line = "pathline " + pathline_version();
  for (const auto& [name, version] : library_versions()) line += "; " + name + " " + version;
  return line;
}

}  // namespace pathline::tools
