// SPDX-License-Identifier: Apache-2.0
#include "certificates.hpp"

#include <fstream>
#include <iterator>
#include <vector>

namespace relinkd::testing {

namespace {

const char* const kConfiguration = R"([ca]
default_ca = only
[only]
rand_serial = yes
default_md = sha256
policy = names
copy_extensions = copy
unique_subject = no
[names]
commonName = supplied
[req]
distinguished_name = empty
[empty]
[leaf]
basicConstraints = CA:FALSE
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
)";

std::vector<std::string> key_wish(bool rsa) {
  if (rsa) return {"-newkey", "rsa:2048"};
  return {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"};
}

std::string content(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

void CertificateAuthority::prepare() const {
  std::ofstream(file("ca.cnf")) << kConfiguration << "[only]\ndatabase = " << file("index") << "\n"
                                << "new_certs_dir = " << folder_.path() << "\n";
  std::ofstream(file("index")).flush();
}

CertificateAuthority::CertificateAuthority(const std::string& common_name)
    : own_{file("ca.pem"), file("ca.key")} {
  prepare();
  std::vector<std::string> command{"openssl", "req",          "-x509",       "-nodes",
                                   "-config", file("ca.cnf"), "-subj",       "/CN=" + common_name,
                                   "-days",   "36500",        "-keyout",     own_.key_file,
                                   "-out",    own_.cert_file, "-extensions", "authority"};
  for (const auto& word : key_wish(false)) command.push_back(word);
  run_command(command);
}

CertificateAuthority::CertificateAuthority(const CertificateAuthority& parent, const Wish& wish) {
  prepare();
  own_ = parent.sign(wish, "authority", folder_);
  chain_file_ = own_.cert_file;
}

Certificate CertificateAuthority::sign(const Wish& wish, const std::string& extensions,
                                       const TemporaryFolder& into) const {
  static int count = 0;
  const std::string base = into.file("certificate-" + std::to_string(++count));
  const std::string request = base + ".csr";
  Certificate made{base + ".pem", base + ".key"};
  std::vector<std::string> command{"openssl", "req",          "-new",  "-nodes",
                                   "-config", file("ca.cnf"), "-subj", "/CN=" + wish.common_name,
                                   "-keyout", made.key_file,  "-out",  request};
  for (const auto& word : key_wish(wish.rsa)) command.push_back(word);
  if (!wish.alternative_names.empty()) {
    command.insert(command.end(), {"-addext", "subjectAltName=" + wish.alternative_names});
  }
  run_command(command);
  run_command({"openssl",      "ca",           "-batch",   "-notext",     "-config",
               file("ca.cnf"), "-in",          request,    "-out",        made.cert_file,
               "-cert",        own_.cert_file, "-keyfile", own_.key_file, "-startdate",
               wish.begin,     "-enddate",     wish.end,   "-extensions", extensions});
  return made;
}

Certificate CertificateAuthority::issue(const Wish& wish) const {
  Certificate made = sign(wish, "leaf", folder_);
  if (!chain_file_.empty()) {
    std::ofstream(made.cert_file, std::ios::app) << content(chain_file_);
  }
  return made;
}

Certificate CertificateAuthority::self_signed(const std::string& common_name) const {
  Certificate made{file("self-signed.pem"), file("self-signed.key")};
  std::vector<std::string> command{
      "openssl", "req",          "-x509",   "-nodes",
      "-config", file("ca.cnf"), "-subj",   "/CN=" + common_name,
      "-days",   "36500",        "-addext", "subjectAltName=DNS:" + common_name,
      "-keyout", made.key_file,  "-out",    made.cert_file};
  for (const auto& word : key_wish(false)) command.push_back(word);
  run_command(command);
  return made;
}

}  // namespace relinkd::testing
