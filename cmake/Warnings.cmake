# The warnings every target of ours is built with; a warning is an error.
add_library(sagitta_warnings INTERFACE)
target_compile_options(sagitta_warnings INTERFACE
  -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  -Wno-missing-field-initializers)  # a designated initialiser leaves the other members at their defaults on purpose
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 reports false positives of these in inlined std::string and std::variant code at -O2.
  target_compile_options(sagitta_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
    -Wno-array-bounds -Wno-stringop-overread -Wno-free-nonheap-object -Wno-dangling-pointer)
else()
  # Clang blames its user for what libstdc++ 12 itself does in std::stable_sort.
  target_compile_options(sagitta_warnings INTERFACE -Wno-deprecated-declarations)
endif()
