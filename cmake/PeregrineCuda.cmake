# The CUDA toolkit, where there is one. Sets PEREGRINE_HAS_CUDA and the target
# peregrine_cudart: the runtime linked statically. It finds the driver when a
# program first asks for a GPU, so that programs start on machines without.
set(PEREGRINE_CUDA "AUTO" CACHE STRING
    "Build for NVIDIA GPUs: ON, OFF, or AUTO: where a toolkit is found")
set_property(CACHE PEREGRINE_CUDA PROPERTY STRINGS AUTO ON OFF)
set(PEREGRINE_HAS_CUDA FALSE)

if(NOT PEREGRINE_CUDA STREQUAL "OFF")
  if(NOT CMAKE_CUDA_COMPILER)
    find_program(PEREGRINE_NVCC nvcc
      HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
    if(PEREGRINE_NVCC)
      set(CMAKE_CUDA_COMPILER "${PEREGRINE_NVCC}")
    endif()
  endif()
  if(CMAKE_CUDA_COMPILER)
    # Machine code for the A100 and the H100 with their relatives, and what the
    # driver can translate for newer ones.
    if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
    endif()
    set(CMAKE_CUDA_STANDARD 17)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
    include(CheckLanguage)
    check_language(CUDA)
  endif()
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    find_file(PEREGRINE_CUBLASLT_HEADER cublasLt.h
              HINTS ${CUDAToolkit_INCLUDE_DIRS} REQUIRED)
    set(PEREGRINE_HAS_CUDA TRUE)
    message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER_VERSION}, ${CMAKE_CUDA_ARCHITECTURES}")
  elseif(PEREGRINE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "PEREGRINE_CUDA=ON, but no nvcc was found that works: "
                        "put it on the PATH, or set CUDA_HOME or CMAKE_CUDA_COMPILER")
  else()
    message(STATUS "CUDA: no toolkit found, left out")
  endif()
endif()
