// SPDX-License-Identifier: Apache-2.0
// A message with anything in it. What is read as an order or an answer is bounded, fits a message,
// and is read again as it is written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "orders/order.hpp"

namespace relinkd {

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_order(std::string_view text) {
  const auto order = orders::decode_order(text);
  if (!order) return require(!order.error().message.empty());
  require(order->app.size() <= orders::kMaxApp && order->endpoint.size() <= orders::kMaxEndpoint &&
          order->action.size() <= orders::kMaxAction &&
          order->incident.size() <= orders::kMaxIncident);
  if (order->kind == orders::Order::Kind::Relink) {
    const bool destroys = order->verb == core::RelinkVerb::DestroySockets;
    require(order->socket.has_value() == destroys && order->action.empty() == destroys);
  }
  require(order->cookies.empty() == (order->kind != orders::Order::Kind::Tune));
  require(order->cookies.size() <= orders::kMaxTuned);
  for (const std::uint64_t cookie : order->cookies) {
    require(cookie != 0 && cookie != orders::kAnyCookie);
  }
  if (order->socket) {
    require(order->socket->cookie != 0 && order->socket->cookie != orders::kAnyCookie);
    require(order->socket->local.family() == order->socket->remote.family());
    require(!order->socket->local.is_unix());
  }
  const std::string again = orders::encode(*order);
  require(again.size() <= orders::kMaxMessage);
  const auto second = orders::decode_order(again);
  require(second.has_value() && *second == *order);
}

void check_answer(std::string_view text) {
  const auto answer = orders::decode_answer(text);
  if (!answer) return;
  require(answer->tuned.size() <= orders::kMaxTuned);
  const std::string again = orders::encode(*answer);
  require(again.size() <= orders::kMaxMessage);
  const auto second = orders::decode_answer(again);
  // The detail may have been made printable.
  require(second.has_value() && second->id == answer->id && second->result == answer->result &&
          second->tuned == answer->tuned);
}

}  // namespace

}  // namespace relinkd

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  relinkd::check_order(text);
  relinkd::check_answer(text);
  return 0;
}
