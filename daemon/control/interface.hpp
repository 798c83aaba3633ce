// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace relinkd::control {

inline constexpr std::string_view kServiceInterface = "org.varlink.service";
inline constexpr std::string_view kRelinkdInterface = "io.relinkd";

/// The interface definitions (https://varlink.org/Interface-Definition), which
/// GetInterfaceDescription returns.
std::string_view service_description();
std::string_view relinkd_description();

/// The version that GetInfo tells.
std::string_view version();

}  // namespace relinkd::control
