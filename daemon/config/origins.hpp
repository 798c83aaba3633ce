// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/keys.hpp"
#include "config/load.hpp"

namespace relinkd::config {

/// Lists the keys that it is shown, with their values and where those came from.
class OriginLister : public KeyVisitor {
 public:
  /// Where the key of this path below the table was given: "FILE:LINE", "--endpoint", "default".
  using PlaceOf = std::function<std::string(const std::string& path)>;

  /// `prefix` is what a key's name begins with: "watch.", "endpoint.sessions.".
  OriginLister(std::string prefix, PlaceOf place_of, std::vector<Origin>& origins)
      : prefix_(std::move(prefix)), place_of_(std::move(place_of)), origins_(origins) {}

  void key(std::string_view name, const Codec& codec) override;
  void table(std::string_view name, const std::function<void(KeyVisitor&)>& keys) override;
  void sysctls(std::string_view name, std::map<std::string, std::int64_t>& values) override;

 private:
  void add(const std::string& key, std::string value);

  std::string prefix_;
  PlaceOf place_of_;
  std::vector<Origin>& origins_;
  std::string path_;  // of the table being listed, below the first
};

}  // namespace relinkd::config
