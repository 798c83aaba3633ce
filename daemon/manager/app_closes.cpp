// SPDX-License-Identifier: Apache-2.0
#include "manager/app_closes.hpp"

#include <algorithm>
#include <utility>

#include "manager/close_texts.hpp"

namespace relinkd::manager {

using Kind = core::SocketEvent::Kind;

AppCloses::AppCloses(Surroundings surroundings)
    : around_(std::move(surroundings)), deadline_(around_.loop.deadlines(), [this] {
        carry_out(closes_.on_deadline(around_.loop.now().at));
      }) {}

Watched* AppCloses::find(const std::string& endpoint) const {
  const std::vector<Watched*> all = around_.watched();
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Watched* w) { return w->numbers().endpoint == endpoint; });
  return it == all.end() ? nullptr : *it;
}

core::Circumstances AppCloses::around(const std::string& endpoint, const Address& node) const {
  const Watched* watched = find(endpoint);
  return watched == nullptr ? core::Circumstances{} : watched->circumstances(node);
}

void AppCloses::on_socket_event(const core::RelinkTarget& target, const core::SocketEvent& event) {
  if (event.kind == Kind::Connected) {
    metrics::AppEndpointNumbers* numbers = around_.numbers(target);
    if (numbers == nullptr) return;
    ++numbers->connects_total[static_cast<std::size_t>(core::AppConnectResult::Ok)];
    return;
  }
  if (event.kind != Kind::Ended && event.kind != Kind::ConnectFailed) return;
  carry_out(closes_.on_event(target, event, around(target.endpoint, event.remote),
                             around_.loop.now().at));
}

void AppCloses::on_ordered(const core::RelinkOrder& order) {
  if (order.cookies.empty()) return;
  closes_.on_relink(order.cookies, order.incident, around_.loop.now().at);
}

void AppCloses::carry_out(const core::CloseOrders& orders) {
  deadline_.set(orders.deadline);
  for (const core::AppClose& close : orders.closed) count(close);
  for (const core::CloseNews& news : orders.news) tell(news);
  for (const core::CloseOrders::Inquiry& inquiry : orders.inquire) inquire(inquiry);
}

void AppCloses::inquire(const core::CloseOrders::Inquiry& inquiry) {
  const auto told = [this, inquiry](const std::optional<core::Inquired>& answer) {
    carry_out(closes_.on_told(inquiry, answer, around(inquiry.endpoint, inquiry.node),
                              around_.loop.now().at));
  };
  Watched* watched = find(inquiry.endpoint);
  const bool asked = watched != nullptr && watched->endpoint().inquire(inquiry.node, told);
  if (!asked) around_.loop.later([told] { told(std::nullopt); });
}

void AppCloses::count(const core::AppClose& close) {
  metrics::AppEndpointNumbers* numbers = around_.numbers(close.target);
  if (numbers == nullptr) return;
  if (close.event.kind == Kind::ConnectFailed) {
    const auto result = core::connect_result(close.why.cause);
    ++numbers->connects_total[static_cast<std::size_t>(result)];
  } else {
    ++numbers->disconnects_total[static_cast<std::size_t>(close.why.cause)];
  }
}

void AppCloses::tell(const core::CloseNews& news) {
  const core::AppClose& first = news.first;
  journal::Entry e;
  e.event = first.event.kind == Kind::ConnectFailed ? journal::Event::AppNotConnected
                                                    : journal::Event::AppDisconnected;
  e.priority = journal::Priority::Notice;
  e.message = close_text(news);
  e.app = first.target.app;
  e.endpoint = first.target.endpoint;
  e.node = first.event.remote.to_string();
  e.cause = core::to_string(first.why.cause);
  e.incident = first.around.incident;
  around_.reporter.report(std::move(e));
}

control::ClosesView AppCloses::view() const {
  control::ClosesView view;
  const MonoTime now = around_.loop.now().at;
  const WallTime wall = loop::Loop::wall();
  for (const auto* all : {&closes_.usual(), &closes_.unusual()}) {
    for (const core::AppClose& close : *all) {
      view.closes.push_back(close_view(close, wall - (now - close.event.at)));
    }
  }
  std::stable_sort(view.closes.begin(), view.closes.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
  return view;
}

}  // namespace relinkd::manager
