# SPDX-License-Identifier: Apache-2.0
if(RELINKD_SANITIZE)
  add_compile_options(-fsanitize=${RELINKD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RELINKD_SANITIZE})
endif()
if(RELINKD_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(RELINKD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
