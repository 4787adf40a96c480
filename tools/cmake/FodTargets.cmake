# Flags of our own code. They hang on our targets alone, never on a dependency's headers.
add_library(fod_flags INTERFACE)
target_compile_features(fod_flags INTERFACE cxx_std_20)
if(NOT FOD_CORE_ONLY)
  target_compile_features(fod_flags INTERFACE cuda_std_20)
endif()
target_include_directories(fod_flags INTERFACE "${PROJECT_SOURCE_DIR}/include")
target_compile_options(fod_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wconversion;-Wshadow>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra;--expt-relaxed-constexpr>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in every `"text" + std::string` (its bug 105651).
  target_compile_options(fod_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>")
endif()
if(FOD_WARNINGS_AS_ERRORS)
  target_compile_options(fod_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Werror>" "$<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>")
endif()
if(FOD_SANITIZE)
  target_compile_options(fod_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${FOD_SANITIZE};-fno-omit-frame-pointer>")
  target_link_options(fod_flags INTERFACE "-fsanitize=${FOD_SANITIZE}")
endif()

# fod_module(<library> <module> ...): adds the sources src/<module>/*.cpp and *.cu.
function(fod_modules library)
  foreach(module IN LISTS ARGN)
    file(GLOB sources CONFIGURE_DEPENDS
      "${PROJECT_SOURCE_DIR}/src/${module}/*.cpp" "${PROJECT_SOURCE_DIR}/src/${module}/*.cu")
    target_sources(${library} PRIVATE ${sources})
  endforeach()
endfunction()

# What programs of users call: some of it without Torch.
set(_api "${PROJECT_SOURCE_DIR}/src/api")

# Without Torch, CUDA and MPI_Init: what `fod` needs.
add_library(fod_core STATIC "${_api}/distributions.cpp" "${_api}/result.cpp" "${_api}/save_load.cpp"
  "${_api}/found_groups.cpp")
fod_modules(fod_core error records config comm h5 plugin python moments groups events dataset store
  analysis json json/convert workers patterns ensemble activity merge metrics)
target_compile_definitions(fod_core PRIVATE FOD_VERSION="${PROJECT_VERSION}")
target_link_libraries(fod_core PUBLIC fod_flags
  PRIVATE fod_hdf5 fod_mpi ZLIB::ZLIB JPEG::JPEG PNG::PNG ${XXHASH_LIBRARY} OpenSSL::Crypto
  CLI11::CLI11 nlohmann_json::nlohmann_json Threads::Threads ${CMAKE_DL_LIBS})

# The loops over correlations, for several vector widths of one processor family. No result of
# theirs depends on the width: products are not fused into sums. Sanitizers start too late for the
# choice at load time.
set(clones "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT FOD_SANITIZE)
  set(clones "[[gnu::target_clones(\"avx512f\",\"avx2\",\"default\")]]")
endif()
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/groups/loops.cpp" PROPERTIES
  COMPILE_DEFINITIONS "FOD_CLONES=${clones}"
  COMPILE_OPTIONS "-ffp-contract=off;-ffinite-math-only;-fno-signed-zeros;-fno-trapping-math")

# Rows of results, for several instruction sets; the processor decides at run time. A product is
# fused with a sum only where the code says so.
set(_rows "${PROJECT_SOURCE_DIR}/src/ensemble/rows")
target_sources(fod_core PRIVATE "${_rows}/generic.cpp")
set_source_files_properties("${_rows}/generic.cpp" PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  target_sources(fod_core PRIVATE "${_rows}/avx512.cpp" "${_rows}/avx2.cpp"
    "${_rows}/select_x86.cpp")
  # GCC 12 takes what its own header leaves open for a mistake of ours (its bug 105593).
  set_source_files_properties("${_rows}/avx512.cpp" PROPERTIES COMPILE_OPTIONS
    "-mavx512f;-mprefer-vector-width=512;-ffp-contract=off;-Wno-uninitialized;-Wno-maybe-uninitialized")
  set_source_files_properties("${_rows}/avx2.cpp" PROPERTIES COMPILE_OPTIONS
    "-mavx2;-mfma;-mf16c;-ffp-contract=off")
else()
  target_sources(fod_core PRIVATE "${_rows}/select_generic.cpp")
endif()

set_source_files_properties("${PROJECT_SOURCE_DIR}/src/groups/ward.cpp" PROPERTIES
  COMPILE_OPTIONS -ffp-contract=off) # rounds as scipy does

file(GLOB fod_app CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/apps/fod*.cpp")
add_executable(fod ${fod_app})
target_link_libraries(fod PRIVATE fod_core CLI11::CLI11 nlohmann_json::nlohmann_json)
set_target_properties(fod PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")

if(FOD_CORE_ONLY)
  return()
endif()

# The job: device, model, kernels, pipeline.
add_library(fod_job STATIC)
fod_modules(fod_job device nccl model kernels pipeline)
target_sources(fod_job PRIVATE "${_api}/generator.cpp" "${_api}/neuron_groups.cpp"
  "${_api}/tensor_source.cpp" "${_api}/first_order_dataset.cpp")
target_include_directories(fod_job SYSTEM PRIVATE ${NCCL_INCLUDE_DIR})
target_link_libraries(fod_job PUBLIC fod_core
  PRIVATE fod_torch_host fod_mpi CUDA::cudart nlohmann_json::nlohmann_json ZLIB::ZLIB
    ${CMAKE_DL_LIBS})

# Threads of Torch's: with the OpenMP that is loaded with it.
set_source_files_properties("${PROJECT_SOURCE_DIR}/src/kernels/team.cpp" PROPERTIES
  COMPILE_OPTIONS "${OpenMP_CXX_FLAGS}")
target_link_libraries(fod_job PRIVATE ${OpenMP_CXX_LIBRARIES})

# The product of moments is compiled for several instruction sets; the processor decides at run time.
set(_product "${PROJECT_SOURCE_DIR}/src/kernels/product")
target_sources(fod_job PRIVATE "${_product}/generic.cpp")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  target_sources(fod_job PRIVATE "${_product}/avx512.cpp" "${_product}/avx2.cpp"
    "${_product}/select_x86.cpp")
  set_source_files_properties("${_product}/avx512.cpp" PROPERTIES
    COMPILE_OPTIONS "-mavx512f;-mavx512dq;-mprefer-vector-width=512")
  set_source_files_properties("${_product}/avx2.cpp" PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma")
else()
  target_sources(fod_job PRIVATE "${_product}/select_generic.cpp")
endif()

# Libraries that Python loads with their own symbols first (RTLD_DEEPBIND) must find the std::cout
# that libstdc++ has set up, so the program must not hold a copy of it.
set_target_properties(fod_job PROPERTIES POSITION_INDEPENDENT_CODE ON)

add_executable(fod-generate "${PROJECT_SOURCE_DIR}/src/apps/generate.cpp")
target_link_libraries(fod-generate PRIVATE fod_job)
target_compile_options(fod-generate PRIVATE -fPIC)
set_target_properties(fod-generate PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")

include(FodPython)
