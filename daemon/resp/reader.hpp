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

/// Bytes in, replies out: hiredis' redisReader with object functions and bounds of its own.
/// After an error the reader is spent: every further next() returns the same error.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;

  /// The budget of the reply that is read next (and of the one being read).
  void set_budget(Budget budget);

  /// Appends bytes from the peer. Copies; bounded by the budget at the next next().
  void feed(std::string_view bytes);

  /// The next whole reply; nothing if more bytes are needed; an Error whose message says what came
  /// instead of RESP ("not RESP: the first bytes are \"HTTP/1.1 400\"") or which bound was passed.
  Result<std::optional<Reply>> next();

  /// Bytes fed and not yet consumed by a whole reply.
  [[nodiscard]] std::size_t pending() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace relinkd::resp
