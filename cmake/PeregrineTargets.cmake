# The two kinds of executables that stand beside the sources.

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
  # What GoogleTest's macros expand to takes more time to optimise than to run:
  # half of all compilation under the sanitizers. The libraries keep their flags.
  target_compile_options(${name} PRIVATE -O0)
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
