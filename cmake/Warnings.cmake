# SPDX-License-Identifier: Apache-2.0
# One set of warnings for the whole tree; each of them is an error.
add_library(relinkd_warnings INTERFACE)
target_compile_options(relinkd_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wformat=2 -Wundef -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wmissing-field-initializers contradicts designated initializers, which C++20 is used for here;
  # -Wrestrict of GCC 12 cries wolf at std::string's operator+ (GCC bug 105651).
  target_compile_options(relinkd_warnings INTERFACE
    -Wduplicated-cond -Wlogical-op -Wno-missing-field-initializers -Wno-restrict)
else()
  target_compile_options(relinkd_warnings INTERFACE -Wno-missing-field-initializers)
endif()
