// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attempt.hpp"

namespace relinkd::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const TestPki& pki() { return TestPki::get(); }

std::string written(const std::string& name, const std::string& content) {
  std::string path = pki().ca.file(name);
  std::ofstream(path) << content;
  return path;
}

/// The Error of a context that cannot be made.
Error error_of(const config::Tls& settings) {
  const auto context = net::TlsContext::make(settings);
  EXPECT_FALSE(context);
  return context ? Error{} : context.error();
}

TEST(TlsContext, TheSystemsTrustStoreIsTheDefault) { EXPECT_TRUE(net::TlsContext::make({})); }

TEST(TlsContext, AMissingFileIsNamedWithItsKey) {
  const std::string missing = pki().ca.file("missing.pem");
  const auto& [cert, key] = pki().client;
  for (const auto& [settings, name] :
       {std::pair{config::Tls{.ca_file = missing}, "tls.ca_file "},
        std::pair{config::Tls{.ca_file = missing, .verify = false}, "tls.ca_file "},
        std::pair{config::Tls{.cert_file = missing, .key_file = key}, "tls.cert_file "},
        std::pair{config::Tls{.cert_file = cert, .key_file = missing}, "tls.key_file "}}) {
    EXPECT_EQ(error_of(settings), (Error{name + missing + ": No such file or directory", ENOENT}));
  }
}

TEST(TlsContext, AFolderIsNoFile) {
  EXPECT_EQ(error_of({.ca_file = "/tmp"}), (Error{"tls.ca_file /tmp: Is a directory", EISDIR}));
}

TEST(TlsContext, AFileWithoutWhatItShouldHoldIsNamed) {
  const std::string other = written("text.pem", "no PEM at all\n");
  EXPECT_THAT(error_of({.ca_file = other}).message,
              HasSubstr("tls.ca_file " + other + ": no CA certificate ("));
  EXPECT_THAT(error_of({.cert_file = other, .key_file = pki().client.key_file}).message,
              HasSubstr("tls.cert_file " + other + ": no certificate ("));
  EXPECT_THAT(error_of({.cert_file = pki().client.cert_file, .key_file = other}).message,
              HasSubstr("tls.key_file " + other + ": no private key ("));
}

TEST(TlsContext, AKeyOfAnotherCertificateIsNamedWithBothFiles) {
  const auto rsa = pki().ca.issue({.common_name = "rsa", .rsa = true});
  for (const std::string& key : {pki().good.key_file, rsa.key_file}) {
    EXPECT_EQ(
        error_of({.cert_file = pki().client.cert_file, .key_file = key}).message,
        "tls.key_file " + key + ": not the key of the certificate in " + pki().client.cert_file);
  }
}

TEST(TlsContext, AKeyBehindAPassphraseIsRefusedWithoutAskingForIt) {
  const std::string locked = pki().ca.file("locked.key");
  run_command({"openssl", "ec", "-in", pki().client.key_file, "-out", locked, "-aes256", "-passout",
               "pass:top-secret"});
  const Error error = error_of({.cert_file = pki().client.cert_file, .key_file = locked});
  EXPECT_EQ(error.message,
            "tls.key_file " + locked + ": protected by a passphrase; give it without one");
}

TEST(TlsContext, NothingOfABrokenKeyIsInTheError) {
  const std::string broken = written("broken.key",
                                     "-----BEGIN PRIVATE KEY-----\n"
                                     "c2VjcmV0c2VjcmV0c2VjcmV0\n"
                                     "-----END PRIVATE KEY-----\n");
  EXPECT_THAT(error_of({.cert_file = pki().client.cert_file, .key_file = broken}).message,
              AllOf(HasSubstr(broken), Not(HasSubstr("c2VjcmV0")), Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace relinkd::testing
