# SPDX-License-Identifier: Apache-2.0
# A layer is one folder of daemon/: one static library. Its headers are visible, as "folder/file.hpp",
# only to itself and to the layers that name it in USES. An include against the direction of the
# table in docs/ARCHITECTURE.md therefore does not compile.
#
#   relinkd_layer(watch USES core net LIBRARIES OpenSSL::SSL SOURCES node.cpp …)
#
# LIBRARIES are linked privately: a third-party library belongs to the one layer that names it.
function(relinkd_layer name)
  cmake_parse_arguments(ARG "" "" "USES;LIBRARIES;PUBLIC_LIBRARIES;SOURCES" ${ARGN})
  set(view ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/daemon/${name} ${view}/${name} SYMBOLIC)
  list(TRANSFORM ARG_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/daemon/${name}/)
  add_library(relinkd_${name} STATIC ${ARG_SOURCES})
  target_include_directories(relinkd_${name} PUBLIC ${view})
  list(TRANSFORM ARG_USES PREPEND relinkd_ OUTPUT_VARIABLE uses)
  target_link_libraries(relinkd_${name}
    PUBLIC ${uses} ${ARG_PUBLIC_LIBRARIES}
    PRIVATE ${ARG_LIBRARIES} relinkd_warnings relinkd_hardening)
endfunction()
