# The rooms of the house as targets.
#
# pathline_include_room(TARGET FOLDER): gives TARGET, and whoever links it, the headers of FOLDER and of nothing else. Headers are included by
# their path from the project's root ("core/error.h"), so the root itself must not be an include folder: every target would see every room.
# Instead each room has a folder in the build tree that holds one link, to the room.
function(pathline_include_room target folder)
  string(REPLACE "/" "-" _name "${folder}")
  set(_root "${PROJECT_BINARY_DIR}/rooms/${_name}")
  get_filename_component(_parent "${_root}/${folder}" DIRECTORY)
  file(MAKE_DIRECTORY "${_parent}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${folder}" "${_root}/${folder}" SYMBOLIC)
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${_root}>")
endfunction()

# pathline_sources(VARIABLE [RECURSE] FOLDERS…): the .cpp files of these folders.
function(pathline_sources variable)
  cmake_parse_arguments(SOURCES "RECURSE" "" "" ${ARGN})
  set(_glob GLOB)
  if(SOURCES_RECURSE)
    set(_glob GLOB_RECURSE)
  endif()
  set(_all)
  foreach(_folder ${SOURCES_UNPARSED_ARGUMENTS})
    file(${_glob} _found CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${_folder}/*.cpp")
    list(APPEND _all ${_found})
  endforeach()
  set(${variable} ${_all} PARENT_SCOPE)
endfunction()

# pathline_sees_torch(FILE VARIABLE): whether the file includes a LibTorch header, itself or through headers of ours.
function(pathline_sees_torch file variable)
  get_property(_known GLOBAL PROPERTY "PATHLINE_SEES_TORCH_${file}")
  if(NOT "${_known}" STREQUAL "")
    set(${variable} ${_known} PARENT_SCOPE)
    return()
  endif()
  set_property(GLOBAL PROPERTY "PATHLINE_SEES_TORCH_${file}" FALSE)  # a cycle of includes ends here
  set(_sees FALSE)
  file(STRINGS "${file}" _includes REGEX "^ *# *include *[<\"]")
  foreach(_line IN LISTS _includes)
    if(_line MATCHES "include *<(torch|ATen|c10|caffe2)/")
      set(_sees TRUE)
    elseif(_line MATCHES "include *\"([^\"]+)\"")
      set(_header "${PROJECT_SOURCE_DIR}/${CMAKE_MATCH_1}")
      if(EXISTS "${_header}")
        pathline_sees_torch("${_header}" _sees)
      endif()
    endif()
    if(_sees)
      break()
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY "PATHLINE_SEES_TORCH_${file}" ${_sees})
  set(${variable} ${_sees} PARENT_SCOPE)
endfunction()

# pathline_precompiled(TARGET SOURCES…): the precompiled LibTorch headers for those that see LibTorch; the others would only be slower with
# them. Decided when configuring: a file that has begun to include LibTorch since then compiles all the same.
function(pathline_precompiled target)
  target_precompile_headers(${target} REUSE_FROM pathline_torch_pch)
  foreach(_source ${ARGN})
    get_filename_component(_file "${_source}" ABSOLUTE)
    set(_sees FALSE)
    if(EXISTS "${_file}")
      pathline_sees_torch("${_file}" _sees)
    endif()
    if(NOT _sees)
      set_source_files_properties("${_source}" PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()
  endforeach()
endfunction()

# pathline_room(NAME [TORCH] [ROOM FOLDER] SOURCES … SEES TARGETS… [LIBRARIES …]): the static library pathline_NAME.
#   TORCH: it may include LibTorch. ROOM: the folder whose headers it opens to those who see it. SEES: the rooms it may include.
function(pathline_room name)
  cmake_parse_arguments(ROOM "TORCH" "ROOM" "SOURCES;SEES;LIBRARIES" ${ARGN})
  add_library(pathline_${name} STATIC ${ROOM_SOURCES})
  if(ROOM_ROOM)
    pathline_include_room(pathline_${name} "${ROOM_ROOM}")
  endif()
  target_link_libraries(pathline_${name} PUBLIC pathline_flags ${ROOM_SEES} ${ROOM_LIBRARIES})
  if(ROOM_TORCH)
    target_link_libraries(pathline_${name} PUBLIC LibTorch::LibTorch)
    target_compile_definitions(pathline_${name} PUBLIC FMT_HEADER_ONLY)
    pathline_precompiled(pathline_${name} ${ROOM_SOURCES})
  endif()
endfunction()

# A program that ours starts, built and installed where core/helper_program.h looks for it.
function(pathline_helper target name source room)
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE ${room})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} INSTALL_RPATH ""
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${CMAKE_INSTALL_LIBEXECDIR}/pathline")
  install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/pathline)
endfunction()
