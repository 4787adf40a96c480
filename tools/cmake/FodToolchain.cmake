# What tools/setup.sh put into .venv is used where the machine, its modules or the command line
# name nothing else. Runs before project(), since nvcc must be known there.
set(_venv "${CMAKE_CURRENT_SOURCE_DIR}/.venv")

if(NOT Torch_DIR AND NOT DEFINED ENV{Torch_DIR})
  file(GLOB _torch "${_venv}/lib/python3*/site-packages/torch/share/cmake/Torch")
  if(_torch)
    set(Torch_DIR "${_torch}" CACHE PATH "Folder of TorchConfig.cmake")
  endif()
endif()

if(CMAKE_GENERATOR STREQUAL "Ninja")
  find_program(CMAKE_MAKE_PROGRAM NAMES ninja-build ninja PATHS "${_venv}/bin")
endif()

# The toolkit of the PyPI wheels, as tools/setup.sh laid it out; else the one on PATH, else the
# usual place.
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  if(EXISTS "${_venv}/cuda/bin/nvcc")
    set(CMAKE_CUDA_COMPILER "${_venv}/cuda/bin/nvcc" CACHE FILEPATH "CUDA compiler")
    set(CUDA_TOOLKIT_ROOT_DIR "${_venv}/cuda" CACHE PATH "CUDA toolkit, for Torch's CMake")
  else()
    find_program(CMAKE_CUDA_COMPILER nvcc PATHS ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES bin)
  endif()
endif()

# Without a GPU to ask, Torch's CMake must be told the architectures; so must nvcc.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80;90" CACHE STRING "CUDA architectures to compile for")
endif()
if(NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
  set(ENV{TORCH_CUDA_ARCH_LIST} "8.0;9.0+PTX")
endif()
