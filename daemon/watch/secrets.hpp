// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/settings.hpp"

namespace relinkd::watch {

/// Reads a secret from its file or systemd credential ($CREDENTIALS_DIRECTORY, systemd.exec(5)): at
/// most 4 KB, one trailing newline removed. Read anew for each connection, so that a rotated
/// password is picked up. The Error names the place, never the content.
Result<Secret> read_secret(const config::SecretSource& source);

}  // namespace relinkd::watch
