// SPDX-License-Identifier: Apache-2.0
#include "watch/one_shot.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "core/condition_of.hpp"
#include "net/dial.hpp"
#include "net/resolver.hpp"
#include "watch/connection.hpp"
#include "watch/greeting.hpp"
#include "watch/tls_check.hpp"

namespace relinkd::watch {

namespace {

class Look : public net::Dial::Listener, public Connection::Listener {
 public:
  Look(loop::Loop& loop, const config::Endpoint& settings, std::shared_ptr<net::TlsContext> tls,
       Duration limit)
      : loop_(loop),
        settings_(settings),
        tls_(std::move(tls)),
        resolver_(loop),
        limit_(limit),
        deadline_(loop.deadlines(), [this] { on_limit(); }) {
    found.detail = "nothing was answered";
  }

  void start() {
    deadline_.set(loop_.now().at + limit_);
    if (settings_.url.scheme == config::Url::Scheme::Unix) {
      return dial({Address::unix_path(settings_.url.path)});
    }
    query_ = resolver_.resolve(
        settings_.url.host, settings_.url.port, [this](Result<net::Answer> answer) {
          if (!answer) {
            return finish(
                core::Condition::DnsFailed,
                fmt::format("cannot resolve {}: {}", settings_.url.host, answer.error().message));
          }
          found.addresses = answer->addresses;
          dial(std::move(answer->addresses));
        });
  }

  OneShot found;

 private:
  void dial(std::vector<Address> addresses) {
    net::DialTarget t;
    t.addresses = std::move(addresses);
    // Sooner than the limit, so that the attempt's own reason is told.
    t.connect_timeout = limit_ * 9 / 10;
    t.keepalive = settings_.watch.keepalive;
    t.tls = tls_;
    t.server_name =
        settings_.tls.server_name.empty() ? settings_.url.host : settings_.tls.server_name;
    dialed_at_ = loop::Loop::clock();
    dial_ = std::make_unique<net::Dial>(loop_, std::move(t), *this);
  }

  void on_dialed(net::Dial::Success s) override {
    found.connect_time = loop::Loop::clock() - dialed_at_;
    found.address = s.address;
    if (s.stream.tls() != nullptr) found.certificate_expiry = s.stream.tls()->certificate_expiry();
    connection_ = std::make_unique<Connection>(loop_, std::move(s.stream), s.address, *this);
    if (const auto sent = authenticate(*connection_, settings_); !sent) {
      return finish(core::Condition::AuthFailed, sent.error().message);
    }
    ask(*connection_,
        {Ask::SetName, Ask::Role, Ask::InfoServer, Ask::InfoReplication, Ask::ConfigTimeout},
        Refused{});
    pinged_at_ = loop::Loop::clock();
    ask(*connection_, {Ask::Ping}, Refused{});
  }

  void on_dial_failed(core::DialFailure f) override {
    finish(core::condition_of(f), "cannot connect: " + f.detail);
  }
  void on_dial_unanswered(const Address&) override {}

  void on_reply(Connection&, Ask ask, resp::Reply reply) override {
    if (reply.is_error()) return on_error(ask, reply.text);
    switch (ask) {
      case Ask::Role:
        if (const auto role = resp::parse_role(reply)) found.role = *role;
        return;
      case Ask::InfoServer:
      case Ask::InfoReplication:
      case Ask::InfoStats:
      case Ask::InfoCommandstats:
        if (const auto info = resp::parse_info(reply)) resp::merge(found.facts, *info);
        return;
      case Ask::ConfigTimeout:
        if (const auto s = resp::parse_setting(reply)) {
          found.server_timeout = std::chrono::seconds(*s);
        }
        return;
      case Ask::Ping: return on_pong();
      default: return;
    }
  }

  void on_error(Ask ask, const std::string& text) {
    const auto kind = core_reply_kind(resp::error_kind(text));
    if (kind == core::ReplyKind::MaxClients) {
      return finish(core::Condition::PeerClosed,
                    fmt::format("the server answers \"{}\"", printable(text)));
    }
    if (ask == Ask::Auth && kind != core::ReplyKind::Loading) {
      return finish(core::Condition::AuthFailed,
                    fmt::format("AUTH is refused: \"{}\"", printable(text)));
    }
    if (ask != Ask::Ping) return;
    const auto condition = core::condition_of(kind);
    if (condition == core::Condition::Ok) return on_pong();
    finish(condition, fmt::format("the server answers \"{}\" to PING", printable(text)));
  }

  void on_pong() {
    found.ping_time = loop::Loop::clock() - pinged_at_;
    if (!found.role) found.role = found.facts.role;
    const bool replica = found.role && found.role->role == resp::Role::Replica;
    if (settings_.expect == config::Expect::Primary && replica) {
      return finish(core::Condition::ReadOnly,
                    "a primary is expected, and the node says that it is a replica");
    }
    const bool slow = *found.ping_time > settings_.watch.slow_threshold;
    finish(slow ? core::Condition::Slow : core::Condition::Ok,
           fmt::format("PING answered in {}", to_text(*found.ping_time)));
  }

  void on_ended(Connection&, core::Ending e) override {
    const bool closed = e.how == core::Ending::How::Fin || e.how == core::Ending::How::Rst;
    if (closed && !tls_ && !found.address->is_unix()) {
      tls_check_ =
          std::make_unique<TlsCheck>(loop_, *found.address, 1s, [this, e](bool speaks_tls) {
            if (speaks_tls) return finish(core::Condition::TlsFailed, kPortSpeaksTls);
            finish(core::condition_of(e.how), e.detail);
          });
      return;
    }
    finish(core::condition_of(e.how), std::move(e.detail));
  }

  void on_limit() {
    if (connection_ != nullptr) {
      return finish(core::Condition::Stalled,
                    fmt::format("connected, but nothing is answered for {}", to_text(limit_)));
    }
    finish(core::Condition::Unreachable, fmt::format("no connection within {}", to_text(limit_)));
  }

  void finish(core::Condition condition, std::string detail) {
    found.condition = condition;
    found.detail = std::move(detail);
    if (dial_) dial_->cancel();
    if (connection_) connection_->close(false);
    loop_.exit(0);
  }

  loop::Loop& loop_;
  const config::Endpoint& settings_;
  std::shared_ptr<net::TlsContext> tls_;
  net::Resolver resolver_;
  Duration limit_;
  loop::Deadline deadline_;
  std::unique_ptr<net::Resolver::Query> query_;
  std::unique_ptr<net::Dial> dial_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<TlsCheck> tls_check_;
  MonoTime dialed_at_{};
  MonoTime pinged_at_{};
};

}  // namespace

Result<OneShot> look_once(const config::Endpoint& settings, Duration limit) {
  std::shared_ptr<net::TlsContext> tls;
  if (settings.uses_tls()) {
    auto made = net::TlsContext::make(settings.tls);
    if (!made) return made.error();
    tls = std::move(*made);
  }
  auto loop = loop::Loop::create();
  if (!loop) return loop.error();
  Look look(**loop, settings, std::move(tls), limit);
  look.start();
  if (auto ran = (*loop)->run(); !ran) return ran.error();
  return std::move(look.found);
}

}  // namespace relinkd::watch
