# The target pathline::solver (include folder of <pathline/solver.h> and <pathline/solver.hpp>), and
#
#   pathline_add_solver(NAME SOURCES… [INSTALL] [DESTINATION FOLDER])
#
# which makes the plugin NAME.so from C11 or C++17 sources, exporting nothing but `pathline_plugin`. INSTALL adds an install
# rule, into lib/pathline/solvers (where a pathline of the same prefix finds it) or FOLDER.
include("${CMAKE_CURRENT_LIST_DIR}/pathline-solver-sdk-targets.cmake")

function(pathline_add_solver name)
  cmake_parse_arguments(SOLVER "INSTALL" "DESTINATION" "" ${ARGN})
  if(NOT SOLVER_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pathline_add_solver(${name}): name its source files")
  endif()
  add_library(${name} MODULE ${SOLVER_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE pathline::solver)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  get_property(_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if("C" IN_LIST _languages)
    target_compile_features(${name} PRIVATE c_std_11)
  endif()
  if("CXX" IN_LIST _languages)
    target_compile_features(${name} PRIVATE cxx_std_17)
  endif()
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    target_compile_options(${name} PRIVATE -O2)
  endif()
  if(SOLVER_INSTALL OR SOLVER_DESTINATION)
    if(NOT SOLVER_DESTINATION)
      include(GNUInstallDirs)
      set(SOLVER_DESTINATION "${CMAKE_INSTALL_LIBDIR}/pathline/solvers")
    endif()
    install(TARGETS ${name} LIBRARY DESTINATION "${SOLVER_DESTINATION}")
  endif()
endfunction()
