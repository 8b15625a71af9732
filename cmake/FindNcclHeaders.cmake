# Finds nccl.h and the CUDA runtime's headers, which the NCCL backend needs to be compiled; the libraries are found at run time. Makes
# the imported target NcclHeaders::NcclHeaders. Looks in NCCL_ROOT and CUDA_HOME (variables or environment), the packages beside LibTorch (a wheel's
# neighbours nvidia/*/include), and the usual places. No CUDA compiler is needed.

set(_beside_torch ${LibTorch_LIBRARY_DIRS})
list(TRANSFORM _beside_torch REPLACE "/lib$" "/include")
find_path(NCCL_INCLUDE_DIR nccl.h HINTS "${NCCL_ROOT}/include" "$ENV{NCCL_ROOT}/include" ${_beside_torch})
find_path(CUDART_INCLUDE_DIR cuda_runtime_api.h
  HINTS "${CUDA_HOME}/include" "$ENV{CUDA_HOME}/include" ${_beside_torch} PATHS /usr/local/cuda/include)

if(NCCL_INCLUDE_DIR AND CUDART_INCLUDE_DIR)
  # nccl.h includes further CUDA headers, which come in packages of their own.
  include(CheckIncludeFileCXX)
  set(CMAKE_REQUIRED_INCLUDES "${NCCL_INCLUDE_DIR}" "${CUDART_INCLUDE_DIR}")
  set(CMAKE_REQUIRED_QUIET ON)
  check_include_file_cxx(nccl.h NCCL_HEADER_COMPILES)
  unset(CMAKE_REQUIRED_INCLUDES)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NcclHeaders REQUIRED_VARS NCCL_INCLUDE_DIR CUDART_INCLUDE_DIR NCCL_HEADER_COMPILES)
if(NcclHeaders_FOUND AND NOT TARGET NcclHeaders::NcclHeaders)
  add_library(NcclHeaders::NcclHeaders INTERFACE IMPORTED)
  set_target_properties(NcclHeaders::NcclHeaders PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${NCCL_INCLUDE_DIR};${CUDART_INCLUDE_DIR}")
endif()
mark_as_advanced(NCCL_INCLUDE_DIR CUDART_INCLUDE_DIR)
