# SPDX-License-Identifier: Apache-2.0
# The programs that relinkd-actuator loads into the kernel. They are compiled to BPF by clang, whatever
# compiles the rest, and put into a header by bpftool.
set(RELINKD_BPF AUTO CACHE STRING
    "Build the programs for the kernel: ON (an error where clang, bpftool or libbpf is missing), OFF or AUTO")
set_property(CACHE RELINKD_BPF PROPERTY STRINGS AUTO ON OFF)

set(RELINKD_HAS_BPF FALSE)
if(NOT RELINKD_BPF STREQUAL "OFF")
  find_program(RELINKD_BPF_CLANG NAMES clang)
  find_program(RELINKD_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin)
  pkg_check_modules(LIBBPF IMPORTED_TARGET libbpf>=1.0)
  set(missing)
  if(NOT RELINKD_BPF_CLANG)
    list(APPEND missing clang)
  endif()
  if(NOT RELINKD_BPFTOOL)
    list(APPEND missing bpftool)
  endif()
  if(NOT LIBBPF_FOUND)
    list(APPEND missing "libbpf 1.0")
  endif()
  if(NOT missing)
    set(RELINKD_HAS_BPF TRUE)
  elseif(RELINKD_BPF STREQUAL "ON")
    message(FATAL_ERROR "RELINKD_BPF=ON needs ${missing}")
  else()
    message(STATUS "without BPF: ${missing} not found")
  endif()
endif()

# relinkd_bpf_skeleton(bpf/sockets): daemon/bpf/sockets.bpf.c becomes bpf/sockets.skel.h below
# RELINKD_BPF_INCLUDES.
set(RELINKD_BPF_INCLUDES ${CMAKE_BINARY_DIR}/skeletons)
function(relinkd_bpf_skeleton program)
  cmake_path(GET program FILENAME name)
  set(out ${RELINKD_BPF_INCLUDES}/${program})
  cmake_path(GET out PARENT_PATH folder)
  file(MAKE_DIRECTORY ${folder})
  # The second step takes out what only a debugger reads. Names of folders would make two builds
  # differ.
  add_custom_command(
    OUTPUT ${out}.skel.h
    COMMAND ${RELINKD_BPF_CLANG} -target bpf -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter
            -fdebug-prefix-map=${CMAKE_SOURCE_DIR}=. -I${CMAKE_SOURCE_DIR}/daemon
            -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${out}.d -MT ${out}.skel.h -c ${program}.bpf.c -o ${out}.o
    COMMAND ${RELINKD_BPFTOOL} gen object ${out}.linked.o ${out}.o
    COMMAND ${RELINKD_BPFTOOL} gen skeleton ${out}.linked.o name ${name}_bpf > ${out}.skel.h
    DEPENDS ${CMAKE_SOURCE_DIR}/daemon/${program}.bpf.c
    DEPFILE ${out}.d
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/daemon
    COMMENT "Building BPF programs ${program}" VERBATIM)
  add_custom_target(${name}_skeleton DEPENDS ${out}.skel.h)
endfunction()
