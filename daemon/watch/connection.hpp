// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "core/evidence.hpp"
#include "loop/loop.hpp"
#include "net/stream.hpp"
#include "resp/reader.hpp"

namespace relinkd::watch {

/// What relinkd asks a server. One enumerator a command, so that a reply knows its question.
enum class Ask : std::uint8_t {
  Auth,
  SetName,
  Role,
  InfoServer,
  InfoReplication,
  InfoStats,
  InfoCommandstats,
  ConfigTimeout,  ///< CONFIG GET timeout
  SentinelMyId,
  SentinelMaster,     ///< what the Sentinel says of the primary
  SentinelSentinels,  ///< the other Sentinels
  ClusterInfo,
  ClusterNodes,
  ClusterShards,
  ClusterSlots,
  Ping,
  Push,  ///< not asked for: what comes on a connection that has subscribed
};

/// One established connection that speaks RESP: bytes, bounds and the order of replies. It decides
/// nothing. Replies come in the order of the questions; anything else ends the connection.
class Connection {
 public:
  class Listener {
   public:
    Listener() = default;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    virtual ~Listener() = default;
    /// May close the connection. The listener parts with it by Loop::retire().
    virtual void on_reply(Connection& connection, Ask ask, resp::Reply reply) = 0;
    /// The connection is closed. Comes at most once, never from within send().
    virtual void on_ended(Connection& connection, core::Ending ending) = 0;
  };

  Connection(loop::Loop& loop, net::Stream stream, Address address, Listener& listener);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The next reply but those expected already answers `ask`.
  void expect(Ask ask) { expected_.push_back(ask); }
  /// From now on what comes unasked is a push: the connection subscribes to channels.
  void expect_pushes() { pushes_ = true; }
  /// Sends commands in RESP form. Wiped after sending, since they may hold a password.
  void send(std::string commands);

  /// Reads what has arrived by now: before a deadline counts, what came is heard.
  void pump();

  /// Ends it from this side; no more calls to the listener.
  void close(bool abort);

  [[nodiscard]] core::TcpSample sample() const;
  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] MonoTime established() const { return established_; }
  [[nodiscard]] MonoTime last_byte() const { return last_byte_; }
  [[nodiscard]] const net::TlsSession* tls() const { return stream_.tls(); }

 private:
  void on_ready();
  void read_available();
  void take_replies();
  void write_queued();
  void end(core::Ending ending);
  void update_events();

  loop::Loop& loop_;
  net::Stream stream_;
  Address address_;
  Listener* listener_;
  resp::Reader reader_;
  std::deque<Ask> expected_;
  bool pushes_ = false;
  std::string output_;
  bool write_wants_read_ = false;
  bool read_wants_write_ = false;
  MonoTime established_;
  MonoTime last_byte_;
  std::unique_ptr<loop::FdWatch> watch_;
};

}  // namespace relinkd::watch
