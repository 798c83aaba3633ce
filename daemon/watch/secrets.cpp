// SPDX-License-Identifier: Apache-2.0
#include "watch/secrets.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "loop/fd.hpp"

namespace relinkd::watch {

Result<Secret> read_secret(const config::SecretSource& source) {
  std::string path = source.name;
  if (source.kind == config::SecretSource::Kind::Credential) {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
    if (folder == nullptr) {
      return Error{fmt::format("cannot read credential \"{}\": systemd gave this process no "
                               "credentials; add LoadCredential={}:FILE to its unit",
                               source.name, source.name),
                   ENOENT};
    }
    path = fmt::format("{}/{}", folder, source.name);
  }
  const loop::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return system_error(errno, fmt::format("cannot read the password file {}", path));
  std::array<char, 4097> buffer{};
  std::size_t length = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data() + length, buffer.size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(errno, fmt::format("cannot read the password file {}", path));
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
    if (length == buffer.size()) {
      return Error{fmt::format("the password file {} is larger than 4096 bytes", path), EFBIG};
    }
  }
  std::string text(buffer.data(), length);
  explicit_bzero(buffer.data(), buffer.size());
  if (!text.empty() && text.back() == '\n') text.pop_back();
  Secret secret(std::move(text));
  if (secret.empty()) return Error{fmt::format("the password file {} is empty", path), EINVAL};
  return secret;
}

}  // namespace relinkd::watch
