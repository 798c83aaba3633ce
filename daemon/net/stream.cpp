// SPDX-License-Identifier: Apache-2.0
#include "net/stream.hpp"

#include <cerrno>

#include <sys/socket.h>

#include "net/socket.hpp"

namespace relinkd::net {

IoResult Stream::read(std::span<char> buffer) {
  if (tls_) return tls_->read(buffer);
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) return {IoStatus::Done, static_cast<std::size_t>(n), 0};
    if (n == 0) return {IoStatus::Closed, 0, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {IoStatus::WantRead, 0, 0};
    return {IoStatus::Failed, 0, errno};
  }
}

IoResult Stream::write(std::string_view bytes) {
  if (tls_) return tls_->write(bytes);
  for (;;) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) return {IoStatus::Done, static_cast<std::size_t>(n), 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {IoStatus::WantWrite, 0, 0};
    return {IoStatus::Failed, 0, errno};
  }
}

void Stream::close(bool abort) {
  if (!fd_) return;
  if (abort) {
    abort_on_close(fd_.get());
  } else if (tls_) {
    tls_->shutdown();
  }
  tls_.reset();
  fd_.reset();
}

}  // namespace relinkd::net
