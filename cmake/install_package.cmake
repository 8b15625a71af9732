# find_package(pathline): one file pathline-COMPONENT.cmake per component beside pathlineConfig.cmake, so that another one is
# another file here.
include(CMakePackageConfigHelpers)
set(_package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/pathline")
configure_package_config_file(cmake/pathlineConfig.cmake.in "${PROJECT_BINARY_DIR}/package/pathlineConfig.cmake"
  INSTALL_DESTINATION "${_package_folder}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/package/pathlineConfigVersion.cmake" COMPATIBILITY SameMajorVersion)
install(FILES "${PROJECT_BINARY_DIR}/package/pathlineConfig.cmake" "${PROJECT_BINARY_DIR}/package/pathlineConfigVersion.cmake"
  DESTINATION "${_package_folder}")

# solver-sdk: the solver header and pathline_add_solver().
set_target_properties(pathline_solver_abi PROPERTIES EXPORT_NAME solver)
install(TARGETS pathline_solver_abi EXPORT pathline-solver-sdk)
install(EXPORT pathline-solver-sdk NAMESPACE pathline:: FILE pathline-solver-sdk-targets.cmake DESTINATION "${_package_folder}")
install(FILES cmake/pathline-solver-sdk.cmake DESTINATION "${_package_folder}")
