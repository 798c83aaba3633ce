// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace relinkd::testing {

/// Moves this process into a network and mount namespace of its own, with nothing but loopback, so
/// that a test may take any port, and nothing that it sends leaves the machine. Needs root or
/// unprivileged user namespaces. Returns why it was not possible, or nothing.
std::string enter_own_network();

/// Puts `content` in the place of /etc/hosts, in the namespace that enter_own_network() made.
std::string replace_etc_hosts(const std::string& content);

}  // namespace relinkd::testing
