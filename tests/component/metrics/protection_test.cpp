// SPDX-License-Identifier: Apache-2.0
// What is wrong with the files that [metrics] names is told with the file and the next step.
#include "metrics/protection.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/certificates.hpp"

namespace relinkd::metrics {
namespace {

using relinkd::testing::CertificateAuthority;
using relinkd::testing::run_command;
using relinkd::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Files : public ::testing::Test {
 protected:
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_.file(name)) << content;
    return folder_.file(name);
  }
  [[nodiscard]] static std::string error(const config::Metrics& settings) {
    const auto made = read_protection(settings);
    return made ? "fine" : made.error().message;
  }
  [[nodiscard]] config::Metrics with(const std::string& cert, const std::string& key,
                                     const std::string& ca = "") const {
    return {.tls = {.cert_file = cert, .key_file = key, .client_ca_file = ca}};
  }

  TemporaryFolder folder_;
  CertificateAuthority ca_{"of the tests"};
  relinkd::testing::Certificate good_ = ca_.issue({.common_name = "relinkd"});
};

TEST_F(Files, ThatAreNotNamedProtectNothing) {
  const auto made = read_protection({});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->tls, nullptr);
  EXPECT_THAT(made->users, IsEmpty());
  EXPECT_THAT(made->files, IsEmpty());
}

TEST_F(Files, AreTakenAndTheirVersionsKnown) {
  const auto settings = with(good_.cert_file, good_.key_file, ca_.ca_file());
  const auto made = read_protection(settings);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_NE(made->tls, nullptr);
  EXPECT_EQ(made->files.size(), 3U);
  EXPECT_EQ(made->files, look_at_files(settings));
}

TEST_F(Files, ThatAreMissingOrNoFilesAreNamed) {
  const std::string none = folder_.file("none");
  EXPECT_EQ(error(with(none, good_.key_file)),
            "metrics.tls.cert_file " + none + " cannot be read: No such file or directory");
  EXPECT_EQ(error(with(good_.cert_file, folder_.path())),
            "metrics.tls.key_file " + folder_.path() + " is not a file");
  const std::string pipe = folder_.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(error(with(good_.cert_file, good_.key_file, pipe)),
            "metrics.tls.client_ca_file " + pipe + " is not a file");
  EXPECT_EQ(error({.users_file = none}),
            "metrics.users_file " + none + " cannot be read: No such file or directory");
}

TEST_F(Files, OfAnotherKindAreNamed) {
  const std::string text = file("text", "nothing of use\n");
  const std::string empty = file("empty", "");
  for (const std::string& bad : {text, empty, good_.key_file}) {
    EXPECT_THAT(error(with(bad, good_.key_file)),
                StartsWith("metrics.tls.cert_file " + bad + " has no certificate in PEM form ("));
    EXPECT_THAT(
        error(with(good_.cert_file, good_.key_file, bad)),
        StartsWith("metrics.tls.client_ca_file " + bad + " has no certificate in PEM form ("));
  }
  for (const std::string& bad : {text, empty, good_.cert_file}) {
    EXPECT_THAT(error(with(good_.cert_file, bad)),
                StartsWith("metrics.tls.key_file " + bad + " has no private key in PEM form ("));
  }
}

TEST_F(Files, ThatDoNotFitEachOtherAreNamed) {
  const auto other = ca_.issue({.common_name = "other"});
  EXPECT_EQ(error(with(good_.cert_file, other.key_file)),
            "metrics.tls.key_file " + other.key_file +
                " does not belong to the first certificate of metrics.tls.cert_file " +
                good_.cert_file);
}

TEST_F(Files, WithAPassphraseAreRefused) {
  for (const std::string form : {"pkcs8", "ec"}) {
    const std::string locked = folder_.file("locked-" + form);
    run_command({"openssl", form, form == "pkcs8" ? "-topk8" : "-aes256", "-in", good_.key_file,
                 "-out", locked, "-passout", "pass:secret"});
    EXPECT_EQ(error(with(good_.cert_file, locked)),
              "metrics.tls.key_file " + locked +
                  " has a passphrase, which nobody is there to type; write the key without one "
                  "(openssl pkey), readable for relinkd alone");
  }
}

TEST_F(Files, LargerThanAMegabyteAreRefused) {
  const std::string large = file("large", std::string(1'048'577, '#'));
  EXPECT_EQ(error({.users_file = large}),
            "metrics.users_file " + large + " is larger than 1048576 bytes");
}

TEST_F(Files, ThatEverybodyCanReadOrThatHaveEndedAreWarnedOf) {
  const auto old = ca_.issue({.common_name = "old", .end = "20210101000000Z"});
  chmod(old.key_file.c_str(), 0644);
  const auto made = read_protection(with(old.cert_file, old.key_file));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(
      made->warnings,
      ElementsAre("metrics.tls.key_file " + old.key_file +
                      " can be read by every user of this host: chmod o-r",
                  "metrics.tls.cert_file " + old.cert_file +
                      " has ended at 2021-01-01T00:00:00.000Z: scrapes will fail; renew it"));
}

}  // namespace
}  // namespace relinkd::metrics
