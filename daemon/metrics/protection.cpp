// SPDX-License-Identifier: Apache-2.0
#include "metrics/protection.hpp"

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.hpp"
#include "loop/fd.hpp"

namespace relinkd::metrics {

namespace {

/// Of any of the files: a bundle of all public CAs is a quarter of it.
constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;

struct NamedFile {
  std::string_view key;  ///< below metrics
  const std::string& path;
  bool is_secret;  ///< who reads it can pass for the server, or guess the passwords
};

std::array<NamedFile, 4> files_of(const config::Metrics& settings) {
  return {NamedFile{"tls.cert_file", settings.tls.cert_file, false},
          NamedFile{"tls.key_file", settings.tls.key_file, true},
          NamedFile{"tls.client_ca_file", settings.tls.client_ca_file, false},
          NamedFile{"users_file", settings.users_file, true}};
}

std::string name_of(const NamedFile& file) {
  return fmt::format("metrics.{} {}", file.key, file.path);
}

Error problem(const NamedFile& file, std::string_view what) {
  return Error{fmt::format("{} {}", name_of(file), what)};
}

Error unreadable(const NamedFile& file, int code) {
  Error error = system_error(code, problem(file, "cannot be read").message);
  if (code == EACCES) {
    error.message +=
        fmt::format("; relinkd reads it as uid {}, which needs the right to", geteuid());
  }
  return error;
}

/// Reads the file, and notes its version and what is to be warned of.
Result<Secret> read(const NamedFile& file, Protection& into) {
  // Opening a pipe would wait for a writer.
  const loop::Fd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat at {};
  if (!fd || fstat(fd.get(), &at) != 0) return unreadable(file, errno);
  if (!S_ISREG(at.st_mode)) return problem(file, "is not a file");
  if (std::cmp_greater(at.st_size, kMaxBytes)) {
    return problem(file, fmt::format("is larger than {} bytes", kMaxBytes));
  }
  into.files.emplace_back(file.path, FileVersion::of(at));
  if (file.is_secret && (at.st_mode & S_IROTH) != 0) {
    into.warnings.push_back(
        problem(file, "can be read by every user of this host: chmod o-r").message);
  }
  // All of it in one piece, so that growing leaves no copies behind; a byte more shows the end.
  std::string text(static_cast<std::size_t>(at.st_size) + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + length, text.size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(file, errno);
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
  }
  text.resize(length);
  return Secret(std::move(text));
}

Result<void> read_tls(const std::array<NamedFile, 4>& files, Protection& into) {
  const auto& [cert, key, ca, users] = files;
  auto cert_text = read(cert, into);
  if (!cert_text) return cert_text.error();
  auto key_text = read(key, into);
  if (!key_text) return key_text.error();
  Secret ca_text;
  if (!ca.path.empty()) {
    auto text = read(ca, into);
    if (!text) return text.error();
    ca_text = std::move(text).value();
  }
  const std::string cert_name = name_of(cert);
  const std::string key_name = name_of(key);
  const std::string ca_name = name_of(ca);
  const PemText client_ca{ca_name, ca_text.reveal()};
  auto tls = TlsIdentity::make({cert_name, cert_text->reveal()}, {key_name, key_text->reveal()},
                               ca.path.empty() ? nullptr : &client_ca);
  if (!tls) return tls.error();
  into.tls = std::move(tls).value();
  if (const std::string bad = into.tls->validity_problem(); !bad.empty()) {
    into.warnings.push_back(problem(cert, bad + ": scrapes will fail; renew it").message);
  }
  return {};
}

}  // namespace

std::vector<std::pair<std::string, FileVersion>> look_at_files(const config::Metrics& settings) {
  std::vector<std::pair<std::string, FileVersion>> all;
  for (const NamedFile& file : files_of(settings)) {
    if (file.path.empty()) continue;
    struct stat at {};
    const bool there = stat(file.path.c_str(), &at) == 0;
    all.emplace_back(file.path, there ? FileVersion::of(at) : FileVersion{});
  }
  return all;
}

Result<Protection> read_protection(const config::Metrics& settings) {
  Protection made;
  const auto files = files_of(settings);
  if (settings.tls.is_given()) {
    if (auto tls = read_tls(files, made); !tls) return tls.error();
  }
  if (const NamedFile& file = files.back(); !file.path.empty()) {
    auto text = read(file, made);
    if (!text) return text.error();
    auto users = parse_users(text->reveal());
    if (!users) return problem(file, users.error().message);
    made.users = std::move(users).value();
  }
  return made;
}

}  // namespace relinkd::metrics
