// SPDX-License-Identifier: Apache-2.0
#include "manager/reporter.hpp"

#include <utility>

#include "journal/catalog.hpp"

namespace relinkd::manager {

namespace {
/// How soon lines that the rate limit held back are told of.
constexpr Duration kFlushAfter = 10s;
}  // namespace

Reporter::Reporter(loop::Loop& loop, journal::Journal& journal)
    : loop_(loop), journal_(journal), flush_(loop.deadlines(), [this] {
        journal_.flush_held_back(loop_.now().at, loop::Loop::wall());
      }) {}

void Reporter::report(journal::Entry entry) {
  const MonoTime now = loop_.now().at;
  const WallTime wall = loop::Loop::wall();
  journal_.write(entry, now, wall);
  flush_.set(now + kFlushAfter);

  control::EventView view;
  view.sequence = ++sequence_;
  view.time = wall;
  view.event = journal::kEventNames[entry.event];
  view.message_id = journal::message_id(entry.event);
  view.priority = static_cast<int>(entry.priority);
  view.message = std::move(entry.message);
  view.endpoint = std::move(entry.endpoint);
  view.node = std::move(entry.node);
  view.condition = std::move(entry.condition);
  view.cause = std::move(entry.cause);
  view.incident = std::move(entry.incident);
  view.app = std::move(entry.app);
  view.action = std::move(entry.action);
  view.result = std::move(entry.result);
  recent_.push_back(view);
  if (recent_.size() > kRemembered) recent_.pop_front();
  if (subscriber_) subscriber_(view);
}

std::vector<control::EventView> Reporter::recent() const {
  return {recent_.begin(), recent_.end()};
}

void Reporter::on_event(std::function<void(const control::EventView&)> subscriber) {
  subscriber_ = std::move(subscriber);
}

}  // namespace relinkd::manager
