# gRPC, protobuf, abseil and OpenSSL are linked statically and hidden; BoringSSL only into the shared replicast_crypto.
# Debian's gRPC brings OpenSSL, whose symbols clash with BoringSSL's when both are shared libraries of one process.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(Protobuf REQUIRED)
find_package(CLI11 REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)

# What pkg-config lists as static, less what glibc and the compiler give; only the last mention of each counts.
function(replicast_static_libraries OUT)
  execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --static --libs ${ARGN}
    OUTPUT_VARIABLE libraries OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(libraries)
  list(REMOVE_ITEM libraries -ldl -lrt -latomic -pthread -lpthread -lm -lz)
  list(REVERSE libraries)
  list(REMOVE_DUPLICATES libraries)
  list(REVERSE libraries)
  set(hidden ALL)
  if(REPLICAST_STATIC_SANITIZER)
    # The sanitizers are among ALL, and replicast_crypto needs to see their symbols: the rest is named.
    list(TRANSFORM libraries REPLACE "^-l(.+)$" "lib\\1.a" OUTPUT_VARIABLE hidden)
    list(FILTER hidden INCLUDE REGEX "\\.a$")
    foreach(extra ${REPLICAST_STATIC_EXTRA} -lz)
      string(REGEX REPLACE "^-l(.+)$" "lib\\1.a" archive ${extra})
      list(APPEND hidden ${archive})
    endforeach()
    list(JOIN hidden ":" hidden)
  endif()
  set(${OUT} -Wl,--exclude-libs,${hidden} -Wl,-Bstatic -Wl,--start-group ${libraries} ${REPLICAST_STATIC_EXTRA} -lz -Wl,--end-group
    -Wl,-Bdynamic -ldl -lrt -latomic -pthread PARENT_SCOPE)
endfunction()

set(REPLICAST_ABSL absl_status absl_statusor absl_strings absl_time absl_synchronization absl_flat_hash_map absl_flat_hash_set
  absl_btree absl_hash absl_cord)
replicast_static_libraries(REPLICAST_BASE_LIBRARIES protobuf ${REPLICAST_ABSL})
set(REPLICAST_STATIC_EXTRA -lgrpc++_reflection)
replicast_static_libraries(REPLICAST_GRPC_LIBRARIES grpc++ protobuf ${REPLICAST_ABSL})

add_library(replicast_base_libraries INTERFACE)
target_link_libraries(replicast_base_libraries INTERFACE ${REPLICAST_BASE_LIBRARIES})
add_library(replicast_grpc_libraries INTERFACE)
target_link_libraries(replicast_grpc_libraries INTERFACE ${REPLICAST_GRPC_LIBRARIES})
