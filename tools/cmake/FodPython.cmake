# libfod_python.so: embedded Python, loaded by fod-generate when a `python:` door is asked for, so
# that nothing else needs Python. It links libpython, never LibTorch: tensors cross by DLPack.
if(NOT Python_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python")
  set(Python_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python") # its torch is the one we link
endif()
find_package(Python COMPONENTS Interpreter Development.Embed)
find_path(PYBIND11_INCLUDE_DIR pybind11/embed.h HINTS "${TORCH_INSTALL_PREFIX}/include")
if(NOT Python_Development.Embed_FOUND OR NOT PYBIND11_INCLUDE_DIR)
  message(STATUS "Without the python: doors: no embeddable Python was found for "
    "'${Python_EXECUTABLE}' (Debian: apt-get install python3-dev)")
  return()
endif()

# The Python half of the bridge travels inside of the library.
set(_python "${PROJECT_SOURCE_DIR}/src/python/embed")
file(GLOB _bridge CONFIGURE_DEPENDS "${_python}/bridge/*.py")
set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_bridge})
set(_entries "")
foreach(file IN LISTS _bridge)
  get_filename_component(name "${file}" NAME_WE)
  file(READ "${file}" text)
  if(name STREQUAL "finder")
    set(_finder "R\"fod_py(${text})fod_py\"")
  else()
    string(APPEND _entries "    {\"fod_bridge.${name}\", R\"fod_py(${text})fod_py\"},\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/bridge_sources.cpp" @ONLY CONTENT
"#include \"bridge_sources.hpp\"

namespace fod::python {

namespace {
constexpr BridgeSource sources[] = {
@_entries@};
} // namespace

std::span<BridgeSource const> bridge_sources() {
  return sources;
}

char const* const bridge_finder = @_finder@;

} // namespace fod::python
")

file(GLOB _sources CONFIGURE_DEPENDS "${_python}/*.cpp")
add_library(fod_python SHARED ${_sources} "${PROJECT_BINARY_DIR}/bridge_sources.cpp"
  "${PROJECT_SOURCE_DIR}/src/error/error.cpp" "${PROJECT_SOURCE_DIR}/src/records/records.cpp")
target_include_directories(fod_python PRIVATE "${_python}")
target_include_directories(fod_python SYSTEM PRIVATE "${PYBIND11_INCLUDE_DIR}"
  "${TORCH_INSTALL_PREFIX}/include") # of Torch, DLPack's header alone
target_compile_definitions(fod_python PRIVATE FOD_PYTHON_EXECUTABLE="${Python_EXECUTABLE}")
target_link_libraries(fod_python PRIVATE fod_flags Python::Python)
set_target_properties(fod_python PROPERTIES
  CXX_VISIBILITY_PRESET hidden # nothing of ours may stand in for a library's own symbol
  LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
add_dependencies(fod-generate fod_python)
