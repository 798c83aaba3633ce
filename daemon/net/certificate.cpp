// SPDX-License-Identifier: Apache-2.0
#include "net/certificate.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <openssl/x509v3.h>

#include "base/address.hpp"
#include "base/text.hpp"

namespace relinkd::net {

namespace {

/// Of a certificate's names, in a message.
constexpr std::size_t kNamesShown = 4;

/// X.509 allows the years 0 to 9999; WallTime reaches from 1678 to 2262.
std::optional<WallTime> to_wall_time(const ASN1_TIME* time) {
  std::tm utc{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &utc) != 1) return std::nullopt;
  const auto seconds = std::chrono::seconds(timegm(&utc));
  if (seconds >= std::chrono::floor<std::chrono::seconds>(Duration::max())) return WallTime::max();
  if (seconds <= std::chrono::ceil<std::chrono::seconds>(Duration::min())) return WallTime::min();
  return WallTime(seconds);
}

std::string date_text(const ASN1_TIME* time) {
  const auto at = to_wall_time(time);
  if (!at) return "at an unreadable date";
  const std::string iso = to_iso8601(*at);
  return iso.substr(0, 10) + " " + iso.substr(11, 5) + " UTC";
}

std::string text_of(const ASN1_STRING* string) {
  return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                    static_cast<std::size_t>(ASN1_STRING_length(string))},
                   kNameLength);
}

/// The common name, or the organisation of a CA that has none.
std::string subject_text(const X509_NAME* name) {
  for (const int nid : {NID_commonName, NID_organizationName}) {
    const int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at >= 0) return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  }
  return "(no name)";
}

/// The names and addresses that the certificate is for: "a.example, 10.0.0.7 and 12 more".
std::string names_text(const X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  std::vector<std::string> shown;
  std::size_t count = 0;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    if (++count > kNamesShown) continue;
    const ASN1_STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const unsigned char* data = ASN1_STRING_get0_data(value);
    std::array<std::uint8_t, 16> bytes{};
    if (name->type == GEN_DNS) {
      shown.push_back(text_of(value));
    } else if (ASN1_STRING_length(value) == 4) {
      shown.push_back(Address::ipv4({data[0], data[1], data[2], data[3]}, 0).host());
    } else if (ASN1_STRING_length(value) == 16) {
      std::copy_n(data, bytes.size(), bytes.begin());
      shown.push_back(Address::ipv6(bytes, 0).host());
    } else {
      shown.emplace_back("a malformed address");
    }
  }
  if (count == 0) return subject_text(X509_get_subject_name(certificate));
  std::string text = fmt::format("{}", fmt::join(shown, ", "));
  if (count > shown.size()) text += fmt::format(" and {} more", count - shown.size());
  return text;
}

}  // namespace

std::optional<WallTime> first_end(const stack_st_X509* sent) {
  std::optional<WallTime> first;
  for (int i = 0; i < sk_X509_num(sent); ++i) {
    const auto end = to_wall_time(X509_get0_notAfter(sk_X509_value(sent, i)));
    if (end && (!first || *end < *first)) first = end;
  }
  return first;
}

std::string refusal_text(X509_STORE_CTX* store, const std::string& server_name,
                         const std::string& ca_file) {
  const int error = X509_STORE_CTX_get_error(store);
  std::string text = X509_verify_cert_error_string(error);
  const X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (certificate == nullptr) return text;
  // Of a CA it is said; the server's own needs no name.
  const std::string whose = X509_STORE_CTX_get_error_depth(store) == 0
                                ? "certificate"
                                : fmt::format("issuer's certificate ({})",
                                              subject_text(X509_get_subject_name(certificate)));
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("{} has expired (ended {})", whose,
                         date_text(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fmt::format("{} is not yet valid (begins {})", whose,
                         date_text(X509_get0_notBefore(certificate)));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("{} mismatch: the certificate is for {}, not {}",
                         error == X509_V_ERR_HOSTNAME_MISMATCH ? "host name" : "address",
                         names_text(certificate), server_name);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: {
      const std::string issuer = subject_text(X509_get_issuer_name(certificate));
      return ca_file.empty()
                 ? fmt::format("{} ({} is not in the system's trust store: set tls.ca_file)", text,
                               issuer)
                 : fmt::format("{} ({} is not in tls.ca_file {})", text, issuer, ca_file);
    }
    default: return text;
  }
}

}  // namespace relinkd::net
