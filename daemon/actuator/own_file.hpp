// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace relinkd::actuator {

// Files that the actuator keeps beside its socket, in a folder where others may make files, too.
// Anyone who could write to them could have it do what it must not, so one that is not this user's
// own, or that others may write to, is an Error.

/// The text of the file; empty if there is none. An Error for one of more than `most` bytes, and
/// for an empty one, which is none of ours.
Result<std::string> read_own(const std::string& path, std::size_t most);

/// Replaces it in one step.
Result<void> write_own(const std::string& path, std::string_view text);

}  // namespace relinkd::actuator
