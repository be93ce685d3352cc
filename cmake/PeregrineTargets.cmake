# The two kinds of executables that stand beside the sources, tests and benches, and
# what all targets share.

# peregrine_shared_headers(NAME LIBS ... HEADERS ... OPTIONS ...): compiles headers
# once, for the targets that reuse those of NAME.
function(peregrine_shared_headers name)
  cmake_parse_arguments(ARG "" "" "LIBS;HEADERS;OPTIONS" ${ARGN})
  set(source "${PROJECT_BINARY_DIR}/${name}.cc")
  file(GENERATE OUTPUT "${source}" CONTENT "")
  add_library(${name} OBJECT EXCLUDE_FROM_ALL "${source}")
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} peregrine::warnings)
  target_compile_options(${name} PRIVATE -pthread ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})
endfunction()

# peregrine_share_headers(DIRECTORY...): all libraries and tests of ours below it
# include what most sources do from there, which takes a third off the time of a
# build. Not with a compiler cache: it keeps nothing that was compiled so.
function(peregrine_share_headers)
  if(CMAKE_CXX_COMPILER_LAUNCHER)
    return()
  endif()
  set(library_headers <algorithm> <memory> <string> <utility> <vector>
      <absl/status/status.h> <absl/status/statusor.h> <absl/strings/str_cat.h>
      <absl/strings/string_view.h> <absl/types/span.h>)
  peregrine_shared_headers(peregrine_library_headers
    LIBS absl::span absl::statusor absl::strings HEADERS ${library_headers})
  if(PEREGRINE_BUILD_TESTS)
    peregrine_shared_headers(peregrine_test_headers
      LIBS absl::span absl::statusor absl::strings GTest::gmock GTest::gtest_main
      HEADERS ${library_headers} <filesystem> <fstream> <map> <random>
              <gmock/gmock.h> <gtest/gtest.h>
      OPTIONS ${PEREGRINE_TEST_OPTIONS})
  endif()
  peregrine_reuse_headers(${ARGN})
endfunction()

# Headers can be shared among targets of equal flags alone: those that use gRPC have
# -pthread.
function(peregrine_reuse_headers)
  foreach(directory ${ARGN})
    get_property(targets DIRECTORY "${directory}" PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
      get_target_property(type ${target} TYPE)
      if(target MATCHES "_test$" AND type STREQUAL "EXECUTABLE")
        target_compile_options(${target} PRIVATE -pthread)
        target_precompile_headers(${target} REUSE_FROM peregrine_test_headers)
      # Kernels are compiled for many instruction sets, each with its own flags.
      elseif(type STREQUAL "STATIC_LIBRARY" AND
             NOT target MATCHES "_proto$|_kernels$|_cuda")
        target_compile_options(${target} PRIVATE -pthread)
        target_precompile_headers(${target} REUSE_FROM peregrine_library_headers)
      endif()
    endforeach()
    get_property(subdirectories DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
    peregrine_reuse_headers(${subdirectories})
  endforeach()
endfunction()

# peregrine_compile_alone(SOURCE...): sources of this directory that do not join
# others of their target where several are compiled as one (the sanitizers'
# presets), since both give a name in an unnamed namespace, or a header of the
# system's, a meaning of their own.
function(peregrine_compile_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# What GoogleTest's macros expand to takes more time to optimise than to run: half
# of all compilation under the sanitizers. The libraries keep their flags.
set(PEREGRINE_TEST_OPTIONS -O0)

# peregrine_test(NAME SOURCES ... LIBS ... [LABELS ...]): a GoogleTest binary,
# run whole by ctest.
function(peregrine_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT PEREGRINE_BUILD_TESTS)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main
                                        peregrine::warnings)
  target_compile_definitions(${name} PRIVATE PEREGRINE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE ${PEREGRINE_TEST_OPTIONS})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES
    LABELS "unit;${ARG_LABELS}"
    TIMEOUT 600
    ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()

# peregrine_bench(NAME SOURCES ... LIBS ...): a Google Benchmark binary; built
# by the target `benches`, not by default, and never run by ctest.
function(peregrine_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  if(NOT PEREGRINE_BUILD_BENCHES)
    return()
  endif()
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} benchmark::benchmark
                                        peregrine::warnings)
  add_dependencies(benches ${name})
endfunction()
