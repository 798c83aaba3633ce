// SPDX-License-Identifier: Apache-2.0
#include "net/tls_cache.hpp"

namespace relinkd::net {

Result<std::shared_ptr<TlsContext>> TlsContextCache::get(const config::Tls& settings) {
  config::Tls key = settings;
  key.server_name.clear();
  for (const auto& [known, context] : entries_) {
    if (known == key) return context;
  }
  auto made = TlsContext::make(key);
  if (made) entries_.emplace_back(std::move(key), *made);
  return made;
}

}  // namespace relinkd::net
