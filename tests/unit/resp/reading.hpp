// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resp/reader.hpp"

namespace relinkd::resp {

/// A reply as a test writes it: +PONG, -ERR no, :7, "text", nil, [a, b].
inline std::string show(const Reply& reply) {
  switch (reply.type) {
    case Reply::Type::Status: return "+" + reply.text;
    case Reply::Type::Error: return "-" + reply.text;
    case Reply::Type::Integer: return ":" + std::to_string(reply.integer);
    case Reply::Type::String: return "\"" + reply.text + "\"";
    case Reply::Type::Nil: return "nil";
    case Reply::Type::Array: break;
  }
  std::string out = "[";
  for (const Reply& element : reply.elements) {
    if (out.size() > 1) out += ", ";
    out += show(element);
  }
  return out + "]";
}

/// All that a reader made of a stream.
struct Outcome {
  std::vector<std::string> replies;
  std::string error;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// Takes replies until there is none or an error.
inline void drain(Reader& reader, Outcome& outcome) {
  for (;;) {
    auto next = reader.next();
    if (!next) {
      outcome.error = next.error().message;
      return;
    }
    if (!*next) return;
    outcome.replies.push_back(show(**next));
  }
}

/// Feeds `stream` in pieces of `piece` bytes, the first of `first` bytes, draining after each.
inline Outcome read_in_pieces(std::string_view stream, std::size_t first, std::size_t piece,
                              Budget budget) {
  Reader reader;
  reader.set_budget(budget);
  Outcome outcome;
  std::size_t size = first;
  while (!stream.empty() && outcome.error.empty()) {
    reader.feed(stream.substr(0, size));
    stream.remove_prefix(std::min(size, stream.size()));
    size = piece;
    drain(reader, outcome);
  }
  return outcome;
}

inline Outcome read_at_once(std::string_view stream, Budget budget = kInfoBudget) {
  return read_in_pieces(stream, stream.size(), stream.size(), budget);
}

inline Outcome read_bytewise(std::string_view stream, Budget budget = kInfoBudget) {
  return read_in_pieces(stream, 1, 1, budget);
}

}  // namespace relinkd::resp
