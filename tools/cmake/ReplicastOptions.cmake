set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

set(REPLICAST_SANITIZER "" CACHE STRING "Sanitizers to build with, e.g. address,undefined or thread")
set(REPLICAST_FUZZ OFF CACHE BOOL "Build the fuzz targets too (Clang only), and everything so that they see its branches")
set(REPLICAST_BORINGSSL "" CACHE PATH "A BoringSSL build (include/ and libcrypto.a) to use instead of the system's")
set(REPLICAST_SLOWNESS 1 CACHE STRING "So many times longer may tests take than in a release build")
set(REPLICAST_SIMULATION_SEEDS 1..60 CACHE STRING "The worlds that the simulation's test runs")

# Paths are told to the cache relative to the tree, so that a clone in another folder finds what this one compiled.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
endif()

# What is built with debug information knows its sources by their place in the tree (coverage must find them by itself).
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT CMAKE_CXX_FLAGS MATCHES "--coverage")
  add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
endif()

# Every target of ours links this: the flags, in one place.
add_library(replicast_flags INTERFACE)
target_compile_options(replicast_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # GCC 12 takes std::variant's inactive members for uninitialized reads, and string concatenation for overlapping copies.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-restrict>)
target_include_directories(replicast_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(REPLICAST_SANITIZER)
  add_compile_options(-fsanitize=${REPLICAST_SANITIZER} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${REPLICAST_SANITIZER})
endif()

if(REPLICAST_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    message(FATAL_ERROR "REPLICAST_FUZZ needs Clang, whose libFuzzer it uses: cmake --preset clang")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Clang's sanitizers are static libraries.
set(REPLICAST_STATIC_SANITIZER OFF)
if(REPLICAST_SANITIZER AND CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  set(REPLICAST_STATIC_SANITIZER ON)
endif()

# The static gRPC makes links large: a fast linker where there is one. mold 1.10 takes all memory when libraries to hide are
# named (ReplicastDependencies.cmake).
if(REPLICAST_STATIC_SANITIZER)
  add_link_options(-fuse-ld=lld)
else()
  find_program(MOLD mold)
  if(MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()
