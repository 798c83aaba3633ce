# SPDX-License-Identifier: Apache-2.0
# One set of warnings for the whole tree; each of them is an error.
add_library(relinkd_warnings INTERFACE)
target_compile_options(relinkd_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wcast-align -Wformat=2 -Wundef -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wmissing-field-initializers contradicts designated initializers, which C++20 is used for here;
  # -Wrestrict and -Wmaybe-uninitialized of GCC 12 cry wolf at std::string (GCC bugs 105651, 105562);
  # clang and the sanitizers look for the real thing.
  target_compile_options(relinkd_warnings INTERFACE
    -Wduplicated-cond -Wlogical-op -Wno-missing-field-initializers -Wno-restrict
    -Wno-maybe-uninitialized)
else()
  target_compile_options(relinkd_warnings INTERFACE -Wno-missing-field-initializers)
endif()
