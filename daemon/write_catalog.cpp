// SPDX-License-Identifier: Apache-2.0
// Used by the build: writes systemd's message catalog to standard output.
#include <cstdio>
#include <string>

#include "journal/catalog.hpp"

int main() {
  const std::string text = relinkd::journal::catalog_file();
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fclose(stdout) == 0 ? 0 : 1;
}
