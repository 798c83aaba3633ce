# SPDX-License-Identifier: Apache-2.0
# Where things go: GNUInstallDirs(7), file-hierarchy(7). Configure with the prefix that will hold
# (-DCMAKE_INSTALL_PREFIX=/usr), since the units have paths in them.
include(GNUInstallDirs)

# Below "lib" whatever the architecture's own folder of libraries is called.
set(RELINKD_UNIT_DIR lib/systemd/system CACHE STRING "Where systemd's units go")

install(TARGETS relinkd relinkd-actuator RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS relinkctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# As they are in the tree they fit a prefix of /usr.
set(units relinkd.service relinkd-actuator.service relinkd-actuator.socket)
foreach(unit IN LISTS units)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS units/${unit})
  file(READ units/${unit} text)
  string(REPLACE "=/usr/sbin/" "=${CMAKE_INSTALL_FULL_SBINDIR}/" text "${text}")
  string(REPLACE "=/usr/bin/" "=${CMAKE_INSTALL_FULL_BINDIR}/" text "${text}")
  file(CONFIGURE OUTPUT units/${unit} CONTENT "${text}" @ONLY)
  install(FILES ${CMAKE_BINARY_DIR}/units/${unit} DESTINATION ${RELINKD_UNIT_DIR})
endforeach()
install(FILES units/relinkd.sysusers.conf DESTINATION lib/sysusers.d RENAME relinkd.conf)
install(FILES units/relinkd.tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME relinkd.conf)
install(FILES ${CMAKE_BINARY_DIR}/relinkd.catalog DESTINATION lib/systemd/catalog)

# Not in sysctl.d of the system: to apply it is the administrator's decision.
install(FILES sysctl/90-relinkd.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/relinkd/sysctl.d)

install(FILES packaging/relinkd.toml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/relinkd)
install(DIRECTORY DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/relinkd/conf.d)
install(FILES README.md NEWS.md SECURITY.md docs/ARCHITECTURE.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/clients DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
  PATTERN "*.md" EXCLUDE)
