# SPDX-License-Identifier: Apache-2.0
# Hardening of release builds. _FORTIFY_SOURCE needs optimisation, so it is tied to Release.
add_library(relinkd_hardening INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(relinkd_hardening INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS
    -fstack-protector-strong -fstack-clash-protection -fno-plt)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(relinkd_hardening INTERFACE -fcf-protection=full)
  endif()
  target_link_options(relinkd_hardening INTERFACE
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
endif()
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
