// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "process.hpp"

namespace relinkd::testing {

/// Files in PEM form.
struct Certificate {
  std::string cert_file;
  std::string key_file;
};

/// A CA of the test's own, and certificates signed by it, made by the openssl command.
class CertificateAuthority {
 public:
  struct Wish {
    std::string common_name;
    std::string alternative_names;          ///< "DNS:a.example,IP:127.0.0.1"; may be empty
    std::string begin = "20200101000000Z";  ///< UTC
    std::string end = "20950101000000Z";
    bool rsa = false;  ///< else an EC key
  };

  explicit CertificateAuthority(const std::string& common_name);
  /// A CA whose certificate another one signed: what it issues comes with that certificate behind.
  CertificateAuthority(const CertificateAuthority& parent, const Wish& wish);

  [[nodiscard]] const std::string& ca_file() const { return own_.cert_file; }
  [[nodiscard]] Certificate issue(const Wish& wish) const;
  [[nodiscard]] Certificate self_signed(const std::string& common_name) const;
  /// A file in the CA's folder.
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

 private:
  void prepare() const;
  [[nodiscard]] Certificate sign(const Wish& wish, const std::string& extensions,
                                 const TemporaryFolder& into) const;

  TemporaryFolder folder_;
  Certificate own_;
  std::string chain_file_;  ///< what goes behind an issued certificate; empty for a root
};

}  // namespace relinkd::testing
