// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/time.hpp"

// OpenSSL's, by the names that STACK_OF(X509) and X509_STORE_CTX stand for.
struct stack_st_X509;
struct x509_store_ctx_st;

namespace relinkd::net {

/// Of a name, in a message.
inline constexpr std::size_t kNameLength = 64;

/// The end of the first certificate to end of those that the server sent. Nothing: it sent none
/// with a readable end. X.509 allows the years 0 to 9999; WallTime reaches from 1678 to 2262, and
/// what is beyond it is told as its first or last moment.
std::optional<WallTime> first_end(const stack_st_X509* sent);

/// Why X509_verify_cert() refused, for a person: with the dates, names or issuer that it is about,
/// and with the setting that may be missing. `ca_file`: as configured; empty: the system's CAs.
std::string refusal_text(x509_store_ctx_st* store, const std::string& server_name,
                         const std::string& ca_file);

}  // namespace relinkd::net
