// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/tls.hpp"

namespace relinkd::net {

/// One context for all endpoints with the same TLS settings: a trust store takes megabytes.
class TlsContextCache {
 public:
  /// The server name, which belongs to a session, makes no difference.
  Result<std::shared_ptr<TlsContext>> get(const config::Tls& settings);
  /// Forgets all, so that files are read anew. Contexts in use live on.
  void clear() { entries_.clear(); }

 private:
  std::vector<std::pair<config::Tls, std::shared_ptr<TlsContext>>> entries_;
};

}  // namespace relinkd::net
