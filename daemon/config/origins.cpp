// SPDX-License-Identifier: Apache-2.0
#include "config/origins.hpp"

#include <utility>

namespace relinkd::config {

void OriginLister::key(std::string_view name, const Codec& codec) {
  add(std::string(name), codec.show());
}

void OriginLister::table(std::string_view name, const std::function<void(KeyVisitor&)>& keys) {
  const std::string outer = path_;
  path_ += std::string(name) + ".";
  keys(*this);
  path_ = outer;
}

void OriginLister::sysctls(std::string_view name, std::map<std::string, std::int64_t>& values) {
  for (const auto& [key, value] : values) {
    add(std::string(name) + "." + quote(key), std::to_string(value));
  }
}

void OriginLister::add(const std::string& key, std::string value) {
  if (value.empty()) return;
  const std::string path = path_ + key;
  origins_.push_back({prefix_ + path, std::move(value), place_of_(path)});
}

}  // namespace relinkd::config
