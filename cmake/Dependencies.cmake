# Third-party libraries, all from Debian 12. Each is used by the one library that wraps it (docs/adr/0002-libraries.md).
find_package(Threads REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(RocksDB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.81 REQUIRED)

# RocksDB's package defines lz4::lz4; Debian ships snappy without a CMake package.
find_library(SNAPPY_LIBRARY snappy REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
add_library(snappy::snappy UNKNOWN IMPORTED GLOBAL)
set_target_properties(snappy::snappy PROPERTIES IMPORTED_LOCATION ${SNAPPY_LIBRARY})

# The server builds without GoogleTest; its tests are then left out.
if(SAGITTA_TESTS)
  find_package(GTest QUIET)
  if(NOT TARGET GTest::gmock)
    message(STATUS "GoogleTest with GoogleMock is not installed: no tests")
    set(SAGITTA_TESTS OFF)
  endif()
endif()
