# find_package(pathline COMPONENTS parallel): the target pathline::parallel. Needs the libraries that it was built with; for LibTorch,
# -DLIBTORCH_ROOT=DIR where it is not found (an unpacked LibTorch, or the torch folder of a wheel).
include(CMakeFindDependencyMacro)
enable_language(C)  # FindMPI's C component
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}/modules")
foreach(_pathline_needed "Threads" "MPI;COMPONENTS;C" "Boost;COMPONENTS;program_options" "OpenSSL;COMPONENTS;Crypto" "spdlog"
        "nlohmann_json" "LibTorch")
  find_dependency(${_pathline_needed})
endforeach()
include("${CMAKE_CURRENT_LIST_DIR}/pathline-parallel-targets.cmake")
# Standard of the headers; LibTorch's own fmt is newer than the system's.
set_property(TARGET pathline::parallel APPEND PROPERTY INTERFACE_COMPILE_FEATURES cxx_std_20)
