// SPDX-License-Identifier: Apache-2.0
#include "watch/tls_check.hpp"

#include <utility>

namespace relinkd::watch {

TlsCheck::TlsCheck(loop::Loop& loop, const Address& address, Duration limit,
                   std::function<void(bool)> report)
    : loop_(loop), report_(std::move(report)) {
  config::Tls anything;
  anything.verify = false;
  net::DialTarget target;
  target.addresses = {address};
  target.connect_timeout = limit;
  target.server_name = address.host();
  // Without a context the dial is a plain one, and the answer is "no".
  if (auto context = net::TlsContext::make(anything)) target.tls = std::move(*context);
  dial_ = std::make_unique<net::Dial>(loop, std::move(target), *this);
}

TlsCheck::~TlsCheck() = default;

void TlsCheck::cancel() {
  report_ = nullptr;
  if (dial_) dial_->cancel();
}

void TlsCheck::on_dialed(net::Dial::Success success) {
  loop_.retire(std::move(dial_));
  const bool secure = success.stream.tls() != nullptr;
  success.stream.close(false);
  report(secure);
}

void TlsCheck::on_dial_failed(core::DialFailure) {
  loop_.retire(std::move(dial_));
  report(false);
}

void TlsCheck::report(bool speaks_tls) {
  // The owner may part with this from within the call.
  if (const auto tell = std::exchange(report_, nullptr)) tell(speaks_tls);
}

}  // namespace relinkd::watch
