# cmake --install: programs, libraries and headers for find_package(fod). What the libraries need is
# found again on the machine where they are used, so that the tree can be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(_package "${CMAKE_INSTALL_LIBDIR}/cmake/fod")
install(TARGETS fod fod-generate RUNTIME)
install(TARGETS fod_core fod_job ARCHIVE)
if(TARGET fod_python)
  install(TARGETS fod_python LIBRARY) # found in ../lib by fod-generate
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/fod" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(PROGRAMS "${PROJECT_SOURCE_DIR}/tools/export_model.py" "${PROJECT_SOURCE_DIR}/tools/report.py"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/fod")
install(FILES "${PROJECT_SOURCE_DIR}/tools/export_aoti.py" "${PROJECT_SOURCE_DIR}/tools/fod_torch.py"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/fod")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/tools/fod_report" DESTINATION "${CMAKE_INSTALL_DATADIR}/fod"
  FILES_MATCHING PATTERN "*.py" PATTERN "*.js" PATTERN "*.css" PATTERN "*.html")
install(FILES "${PROJECT_SOURCE_DIR}/tools/fod-completion.bash"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions" RENAME fod)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/jobs/" DESTINATION "${CMAKE_INSTALL_DATADIR}/fod/jobs"
  PATTERN quickstart.sh EXCLUDE PATTERN pictures EXCLUDE)

# Torch and what comes with it stay where they are, fod's own library may move. (The link path alone
# would leave out folders inside of the project, where .venv is.)
set(_dependencies "${TORCH_INSTALL_PREFIX}/lib" "${CUDAToolkit_LIBRARY_DIR}")
foreach(program IN ITEMS fod fod-generate)
  set_target_properties(${program} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON
    INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
endforeach()
set_property(TARGET fod-generate APPEND PROPERTY INSTALL_RPATH ${_dependencies})

configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/fodConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/fodConfig.cmake" INSTALL_DESTINATION "${_package}"
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/fodConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/fodConfig.cmake" "${PROJECT_BINARY_DIR}/fodConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/FodDependencies.cmake" DESTINATION "${_package}")
