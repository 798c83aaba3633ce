// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace relinkd::loop {

/// Tells the service manager (sd_notify(3)); nothing where there is none.
void notify_ready(const std::string& status);
void notify_status(const std::string& status);
/// RELOADING=1 with MONOTONIC_USEC; notify_ready() ends the reload.
void notify_reloading();
void notify_stopping();

}  // namespace relinkd::loop
