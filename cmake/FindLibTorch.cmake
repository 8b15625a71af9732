# Finds LibTorch (C++ side only) and makes the imported target LibTorch::LibTorch.
#
# Looks in, in this order: -DLIBTORCH_ROOT=DIR (an unpacked libtorch zip, or a wheel's torch/ folder), the environment variable
# LIBTORCH_ROOT, and the private virtual environment that tools/setup.sh makes (.venv). The wheel's own TorchConfig.cmake insists on a
# CUDA toolkit even for programs that never touch a GPU, hence this file: it links libtorch_cpu, libc10 and, where present, libc10_cuda.
#
# Sets LibTorch_VERSION, LibTorch_LIBRARY_DIRS (for run paths) and LibTorch_HAS_CUDA_STREAMS (libc10_cuda found).

set(_hints "${LIBTORCH_ROOT}" "$ENV{LIBTORCH_ROOT}")
file(GLOB _venv_torch "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
list(APPEND _hints ${_venv_torch})
list(FILTER _hints EXCLUDE REGEX "^$")

find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/version.h HINTS ${_hints} PATH_SUFFIXES include NO_DEFAULT_PATH)
if(LibTorch_INCLUDE_DIR)
  get_filename_component(_torch_root "${LibTorch_INCLUDE_DIR}" DIRECTORY)
  find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS "${_torch_root}/lib" NO_DEFAULT_PATH)
  find_library(LibTorch_C10_LIBRARY c10 PATHS "${_torch_root}/lib" NO_DEFAULT_PATH)
  find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda PATHS "${_torch_root}/lib" NO_DEFAULT_PATH)
  # The numbers moved to headeronly/ in newer releases; older ones have them in the front end's own header.
  set(_version_file "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h")
  if(NOT EXISTS "${_version_file}")
    set(_version_file "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h")
  endif()
  set(LibTorch_VERSION)
  foreach(_part MAJOR MINOR PATCH)
    file(STRINGS "${_version_file}" _line REGEX "^#define TORCH_VERSION_${_part} [0-9]+")
    string(REGEX MATCH "[0-9]+$" _number "${_line}")
    list(APPEND LibTorch_VERSION ${_number})
  endforeach()
  list(JOIN LibTorch_VERSION "." LibTorch_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run tools/setup.sh, or pass -DLIBTORCH_ROOT=DIR of an unpacked LibTorch")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  # libtorch_cpu of a CUDA wheel depends on libcudart and libcupti, which live in the neighbouring nvidia packages.
  file(GLOB _nvidia_dirs "${_torch_root}/../nvidia/*/lib")
  set(LibTorch_LIBRARY_DIRS "${_torch_root}/lib" ${_nvidia_dirs})
  add_library(LibTorch::C10 SHARED IMPORTED)
  set_target_properties(LibTorch::C10 PROPERTIES IMPORTED_LOCATION "${LibTorch_C10_LIBRARY}")
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION "${LibTorch_CPU_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_INCLUDE_DIR};${LibTorch_INCLUDE_DIR}/torch/csrc/api/include"
    INTERFACE_LINK_LIBRARIES LibTorch::C10)
  foreach(_dir ${LibTorch_LIBRARY_DIRS})
    target_link_options(LibTorch::LibTorch INTERFACE "LINKER:-rpath-link,${_dir}")
  endforeach()
  set(LibTorch_HAS_CUDA_STREAMS FALSE)
  if(LibTorch_C10_CUDA_LIBRARY)
    set(LibTorch_HAS_CUDA_STREAMS TRUE)
  endif()
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_C10_CUDA_LIBRARY)
