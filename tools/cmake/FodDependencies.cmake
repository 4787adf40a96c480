# Every package the project needs; where one is missing the message names it and where it is from.
# Installed with the libraries, since who links them needs the same (FOD_INSTALLED is set then).
function(fod_require found name debian module)
  if(NOT ${found})
    message(FATAL_ERROR "${name} was not found (Debian: apt-get install ${debian}; cluster: "
      "module load ${module}): install it or name its place in CMAKE_PREFIX_PATH. "
      "On Debian, tools/setup.sh installs everything.")
  endif()
endfunction()

find_package(Threads REQUIRED)
find_package(MPI COMPONENTS C)
fod_require(MPI_C_FOUND "MPI" libopenmpi-dev openmpi)

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 COMPONENTS C)
fod_require(HDF5_FOUND "HDF5" libhdf5-openmpi-dev hdf5-mpi)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "HDF5 was found without MPI (${HDF5_C_LIBRARIES}): install the parallel one "
    "(Debian: libhdf5-openmpi-dev; cluster: an hdf5 module built with MPI) or set HDF5_ROOT")
endif()

find_package(ZLIB)
fod_require(ZLIB_FOUND "zlib" zlib1g-dev zlib)
find_package(JPEG)
fod_require(JPEG_FOUND "libjpeg-turbo" libjpeg62-turbo-dev libjpeg-turbo)
find_package(PNG)
fod_require(PNG_FOUND "libpng" libpng-dev libpng)
find_package(OpenSSL COMPONENTS Crypto) # for --model-sha256
fod_require(OPENSSL_CRYPTO_LIBRARY "OpenSSL" libssl-dev openssl)
if(NOT FOD_INSTALLED) # of headers alone
  find_package(CLI11 CONFIG)
  fod_require(CLI11_FOUND "CLI11" libcli11-dev cli11)
  find_package(nlohmann_json CONFIG)
  fod_require(nlohmann_json_FOUND "nlohmann-json" nlohmann-json3-dev nlohmann-json)
endif()
find_path(XXHASH_INCLUDE_DIR xxhash.h)
find_library(XXHASH_LIBRARY xxhash)
fod_require(XXHASH_INCLUDE_DIR "xxHash" libxxhash-dev xxhash)
fod_require(XXHASH_LIBRARY "xxHash" libxxhash-dev xxhash)

if(NOT TARGET fod_mpi) # find_package(fod) may come twice, for other components
  add_library(fod_mpi INTERFACE)
  target_link_libraries(fod_mpi INTERFACE MPI::MPI_C)
  # The C++ bindings that old MPIs still bring are no use here and do not compile cleanly.
  target_compile_definitions(fod_mpi INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
  add_library(fod_hdf5 INTERFACE)
  target_include_directories(fod_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
  target_link_libraries(fod_hdf5 INTERFACE ${HDF5_C_LIBRARIES} fod_mpi)
endif()
if(FOD_CORE_ONLY)
  return()
endif()

find_package(Torch 2.9 CONFIG QUIET)
if(NOT Torch_FOUND)
  message(FATAL_ERROR "LibTorch >= 2.9 was not found (Torch_DIR is '${Torch_DIR}'): run "
    "tools/setup.sh, or pass -DTorch_DIR=$(python -c 'import torch; "
    "print(torch.utils.cmake_prefix_path)')/Torch")
endif()
find_package(CUDAToolkit REQUIRED)
find_package(OpenMP COMPONENTS CXX) # whose threads Torch's layers run on
fod_require(OpenMP_CXX_FOUND "OpenMP" g++ gcc)

# Headers of the NCCL that this Torch was built with. The library is Torch's own at run time, so that
# one process has one NCCL.
get_filename_component(_site "${TORCH_INSTALL_PREFIX}/.." ABSOLUTE)
find_path(NCCL_INCLUDE_DIR nccl.h HINTS "${_site}/nvidia/nccl/include" ENV NCCL_ROOT
  PATH_SUFFIXES include)
fod_require(NCCL_INCLUDE_DIR "NCCL" libnccl-dev nccl)

if(NOT TARGET fod_torch)
  # All of Torch, as Torch's own CMake links it.
  add_library(fod_torch INTERFACE)
  target_include_directories(fod_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(fod_torch INTERFACE ${TORCH_LIBRARIES})
  # What runs without a GPU: the rest is loaded when one is bound (src/device/libraries.hpp).
  add_library(fod_torch_host INTERFACE)
  target_include_directories(fod_torch_host SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(fod_torch_host INTERFACE torch_cpu_library c10_cuda c10)
endif()
