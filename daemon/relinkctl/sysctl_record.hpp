// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/enum_names.hpp"
#include "base/result.hpp"

namespace relinkd::relinkctl {

/// The file that `sysctl apply` writes.
inline constexpr const char* kSysctlFile = "/etc/sysctl.d/90-relinkd.conf";
/// Where it keeps what was before.
inline constexpr const char* kSysctlRecordFolder = "/var/lib/relinkd";
inline constexpr const char* kSysctlRecordFile = "/var/lib/relinkd/sysctl.json";

/// What kSysctlFile is.
struct SysctlFileState {
  enum class Kind : std::uint8_t { Absent, Text, Link };
  static constexpr auto kNames = enum_names<Kind>("absent", "text", "link");
  /// Larger ones are not kept.
  static constexpr std::size_t kMaxText = std::size_t{64} << 10;
  Kind kind = Kind::Absent;
  std::string content;  ///< the text, UTF-8; or where the link leads
  friend bool operator==(const SysctlFileState&, const SysctlFileState&) = default;
};

/// What `sysctl apply` found and did, so that `sysctl revert` can take it back. The first apply
/// decides what was before; later ones only add keys.
struct SysctlRecord {
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  struct Value {
    std::string before;
    std::int64_t set = 0;
    friend bool operator==(const Value&, const Value&) = default;
  };
  SysctlFileState file_before;
  std::string file_text;  ///< what apply wrote
  std::map<std::string, Value> values;
  friend bool operator==(const SysctlRecord&, const SysctlRecord&) = default;
};

std::string encode(const SysctlRecord& record);
/// The Error: it is no such record.
Result<SysctlRecord> decode_sysctl_record(std::string_view text);

}  // namespace relinkd::relinkctl
