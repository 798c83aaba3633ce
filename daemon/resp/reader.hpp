// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "resp/reply.hpp"

namespace relinkd::resp {

/// How much a reply may cost. hiredis trusts lengths that the peer announces ("*2147483647\r\n"
/// made it allocate 16.8 GB, measured); with a budget it cannot.
struct Budget {
  std::size_t bytes = 1024;      ///< on the wire, headers included
  std::size_t elements = 65536;  ///< of all arrays together
};
inline constexpr Budget kPingBudget{1024, 16};
inline constexpr Budget kInfoBudget{std::size_t{4} << 20U, 65536};

/// Whether the first bytes of a stream are those of a TLS record: an alert or a handshake (0x15,
/// 0x16), version 3 (RFC 8446, 5.1). One byte is enough to say yes: a reply never starts with it.
bool looks_like_tls(std::string_view first_bytes);

/// Bytes in, replies out: hiredis' redisReader with object functions and bounds of its own. Besides
/// the budget, arrays nest at most 7 deep and a line has at most 4 KiB.
/// An idle reader (nothing pending) holds no buffer. After an error the reader is spent: it takes
/// no more bytes, and every further next() returns the same error.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;

  /// The budget of the reply that is read next (and of the one being read); kPingBudget until set.
  void set_budget(Budget budget);

  /// Appends bytes from the peer. Copies; bounded by the budget at the next next(), so that never
  /// more than the budget and what was fed since the last next() is held.
  void feed(std::string_view bytes);

  /// The next whole reply; nothing if more bytes are needed; an Error whose message says what came
  /// instead of RESP2 ("not RESP: the first bytes are \"HTTP/1.1 400\"") or which bound was passed.
  /// Announced lengths are judged as soon as they are read, not when what they announce is there.
  Result<std::optional<Reply>> next();

  /// Bytes fed and not yet consumed by a whole reply; 0 after an error.
  [[nodiscard]] std::size_t pending() const;

  /// Whether next() failed because the peer speaks TLS.
  [[nodiscard]] bool saw_tls() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::resp
