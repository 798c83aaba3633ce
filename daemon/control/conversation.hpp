// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "control/framing.hpp"
#include "control/message.hpp"
#include "control/service.hpp"

namespace relinkd::control {

/// What is said on one connection of the control socket: bytes in, bytes out. It knows no socket,
/// so that tests and the fuzzer can speak with it.
class Conversation {
 public:
  /// `service` outlives the conversation.
  Conversation(Service& service, const Peer& peer) : service_(service), peer_(peer) {}

  /// Only while wants_bytes().
  void receive(std::string_view bytes) { framing_.append(bytes); }

  /// More input can be used now: no call waits for its answer, and no stream runs.
  [[nodiscard]] bool wants_bytes() const { return open() && !ready(); }
  /// A call waits for answer().
  [[nodiscard]] bool ready() const {
    return open() && (framing_.has_message() || framing_.too_long());
  }
  /// A call has begun that has not ended.
  [[nodiscard]] bool partial() const { return framing_.partial(); }
  /// The peer has subscribed: news go to it until it leaves. Later calls are not read.
  [[nodiscard]] bool streaming() const { return stream_ != Stream::None; }
  [[nodiscard]] bool streams_events() const { return stream_ == Stream::Events; }
  [[nodiscard]] bool streams_subscription() const { return stream_ == Stream::Subscription; }
  /// Nothing more will be read: the connection closes when all answers are sent.
  [[nodiscard]] bool ended() const { return ended_; }

  /// Carries out the first waiting call and returns the answer's bytes, empty for a oneway call.
  /// Precondition: ready().
  std::string answer(WallTime now);

  /// What the subscriber's apps look like now, as a reply's bytes; empty if that is what it was
  /// told last. Precondition: streams_subscription().
  std::string subscription_news();

  /// Ends the conversation, its stream too.
  void end() {
    ended_ = true;
    stream_ = Stream::None;
  }

 private:
  enum class Stream : std::uint8_t { None, Events, Subscription };

  [[nodiscard]] bool open() const { return !ended_ && !streaming(); }
  std::string dispatch(const Call& call, WallTime now);
  std::string dispatch_service(const Call& call, std::string_view method);
  std::string dispatch_relinkd(const Call& call, std::string_view method, WallTime now);
  std::string subscribe(bool more);

  Service& service_;
  Peer peer_;
  Framing framing_{kMaxCall};
  Stream stream_ = Stream::None;
  Subscriber subscriber_;  ///< of the stream
  std::string told_;       ///< the last list that it was sent
  bool ended_ = false;
};

}  // namespace relinkd::control
