// SPDX-License-Identifier: Apache-2.0
#include "watch/sentinels.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "resp/sentinel.hpp"

namespace relinkd::watch {

namespace {

/// A majority that is missing for less is no news: reports of a change come one after another.
constexpr Duration kTellUnconfirmed = 5s;
/// A Sentinel that does not answer, is not configured, and is named by no other for so long is
/// gone.
constexpr Duration kForget = 1min;

const std::vector<std::string>& channels() {
  static const std::vector<std::string> kChannels(core::kSentinelEventNames.names.begin(),
                                                  core::kSentinelEventNames.names.end());
  return kChannels;
}

}  // namespace

Sentinels::Sentinels(loop::Loop& loop, const config::Endpoint& settings, Owner& owner,
                     Entropy entropy)
    : loop_(loop),
      settings_(settings),
      owner_(owner),
      entropy_(entropy),
      settle_at_(loop.deadlines(), [this] { settle(); }) {}

Sentinels::~Sentinels() = default;

void Sentinels::start() {
  for (const HostPort& seed : settings_.url.seeds) add(seed, seed.to_string(), true);
}

void Sentinels::stop() {
  settle_at_.clear();
  for (const auto& e : entries_) {
    e->subscription->stop();
    e->node->stop();
  }
}

void Sentinels::add(const HostPort& where, const std::string& id, bool configured) {
  auto entry = std::make_unique<Entry>();
  entry->id = id;
  entry->configured = configured;
  entry->named = loop_.now().at;
  entry->node = owner_.make_sentinel(where);
  entry->subscription = std::make_unique<Subscription>(loop_, entry->node->settings(), channels(),
                                                       *this, entropy_.fork());
  quorum_.know(id);
  entries_.push_back(std::move(entry));
  owner_.on_sentinels_changed();
  entries_.back()->node->start();
  entries_.back()->subscription->start();
}

void Sentinels::remove(Entry& entry) {
  // Another entry with the same id is the same Sentinel at another address.
  const auto same = [&](const auto& e) { return e.get() != &entry && e->id == entry.id; };
  if (std::none_of(entries_.begin(), entries_.end(), same)) quorum_.forget(entry.id);
  entry.subscription->stop();
  entry.node->stop();
  const auto it = std::find_if(entries_.begin(), entries_.end(),
                               [&](const auto& e) { return e.get() == &entry; });
  loop_.retire(std::move(*it));
  entries_.erase(it);
  owner_.on_sentinels_changed();
}

Sentinels::Entry* Sentinels::find(const Node& node) {
  for (const auto& e : entries_) {
    if (e->node.get() == &node) return e.get();
  }
  return nullptr;
}

Sentinels::Entry* Sentinels::find(const Subscription& subscription) {
  for (const auto& e : entries_) {
    if (e->subscription.get() == &subscription) return e.get();
  }
  return nullptr;
}

Sentinels::Entry* Sentinels::find_id(const std::string& id) {
  for (const auto& e : entries_) {
    if (e->id == id) return e.get();
  }
  return nullptr;
}

Sentinels::Entry* Sentinels::find_unidentified(const HostPort& where) {
  const auto address = Address::parse(where.host, where.port);
  for (const auto& e : entries_) {
    const bool unidentified = e->id == e->node->where().to_string();
    const bool there =
        e->node->where() == where || (address && e->node->link().address() == address);
    if (unidentified && there) return e.get();
  }
  return nullptr;
}

void Sentinels::each(const std::function<void(Node&)>& visit) const {
  for (const auto& e : entries_) visit(*e->node);
}

// --- asking and answers -----------------------------------------------------------------------

std::vector<Question> Sentinels::questions(const Node& node, bool greeting, bool topology) const {
  const std::string& name = settings_.url.primary_name;
  std::vector<Question> all;
  if (greeting && !node.link().refuses(Ask::SentinelMyId)) {
    all.push_back({Ask::SentinelMyId, command_of(Ask::SentinelMyId)});
  }
  // Who else there is comes before what this one says, which then counts among all.
  if (greeting || topology) all.push_back(ask_sentinel(Ask::SentinelSentinels, name));
  all.push_back(ask_sentinel(Ask::SentinelMaster, name));
  return all;
}

void Sentinels::on_topology(Node& node, Ask ask, const resp::Reply& reply) {
  Entry* entry = find(node);
  if (entry == nullptr) return;
  switch (ask) {
    case Ask::SentinelMyId: return take_id(*entry, reply);
    case Ask::SentinelSentinels: return take_peers(*entry, reply);
    case Ask::SentinelMaster: return take_report(*entry, reply);
    default: return;
  }
}

void Sentinels::take_id(Entry& entry, const resp::Reply& reply) {
  // Before 6.2 there is no MYID: then its address is its name.
  if (reply.is_error()) return;
  const auto id = resp::parse_sentinel_myid(reply);
  if (!id) return complain(entry, Ask::SentinelMyId, id.error().message);
  if (entry.id == *id) return;
  Entry* same = find_id(*id);
  quorum_.rename(entry.id, *id);
  entry.id = *id;
  // Configured by a name, named by an address: one Sentinel.
  if (same != nullptr && !same->configured) {
    remove(*same);
  } else if (same != nullptr && !entry.configured) {
    remove(entry);
  }
}

void Sentinels::take_peers(Entry& entry, const resp::Reply& reply) {
  const MonoTime now = loop_.now().at;
  // Why it does not answer SENTINEL MASTER says how it is; without this one, the others that it
  // knows stay unknown.
  if (reply.is_error()) {
    if (!entry.node->link().refuses(Ask::SentinelSentinels)) return;
    return complain(entry, Ask::SentinelSentinels,
                    fmt::format("SENTINEL SENTINELS is answered \"{}\"", printable(reply.text)));
  }
  const auto peers = resp::parse_sentinel_sentinels(reply);
  if (!peers) return complain(entry, Ask::SentinelSentinels, peers.error().message);
  // It is not lost: it answers.
  entry.named = now;
  for (const core::SentinelPeer& peer : *peers) {
    if (Entry* known = find_id(peer.id)) {
      known->named = now;
      // While it answers where it is, it is there.
      if (!known->configured && !known->node->is_up() && known->node->where() != peer.where) {
        known->node->move_to(peer.where, "it announces another address");
        known->subscription->restart();
      }
      continue;
    }
    if (Entry* known = find_unidentified(peer.where)) {
      quorum_.rename(known->id, peer.id);
      known->id = peer.id;
      known->named = now;
    } else if (entries_.size() < resp::kMaxSentinels) {
      add(peer.where, peer.id, false);
    }
  }
  forget_lost();
  settle();
}

void Sentinels::forget_lost() {
  const MonoTime now = loop_.now().at;
  const auto lost = [&](const auto& e) {
    return !e->configured && !e->node->is_up() && now - e->named > kForget;
  };
  for (auto it = std::find_if(entries_.begin(), entries_.end(), lost); it != entries_.end();
       it = std::find_if(entries_.begin(), entries_.end(), lost)) {
    remove(**it);
  }
}

void Sentinels::take_report(Entry& entry, const resp::Reply& reply) {
  if (reply.is_error()) {
    return complain(entry, Ask::SentinelMaster,
                    fmt::format("SENTINEL MASTER {} is answered \"{}\"", settings_.url.primary_name,
                                printable(reply.text)));
  }
  const auto report = resp::parse_sentinel_master(reply);
  if (!report) return complain(entry, Ask::SentinelMaster, report.error().message);
  entry.told.erase(Ask::SentinelMaster);
  const bool news = quorum_.on_report(entry.id, *report, loop_.now().at);
  if (report->objectively_down) owner_.on_agreed_down(report->primary);
  if (news) {
    owner_.on_belief(*belief());
    // The others follow within a moment; nobody has to wait for the next look.
    each([](Node& node) {
      if (node.is_up()) node.link().ask_now();
    });
  }
  settle();
}

void Sentinels::complain(Entry& entry, Ask ask, const std::string& why) {
  if (std::exchange(entry.told[ask], why) != why) owner_.on_sentinel_trouble(*entry.node, why);
}

// --- what is believed -------------------------------------------------------------------------

std::optional<core::SentinelQuorum::Belief> Sentinels::belief() const {
  return quorum_.belief(loop_.now().at);
}

std::string Sentinels::describe() const {
  const auto b = belief();
  if (!b)
    return fmt::format("no Sentinel has named the primary {} yet", settings_.url.primary_name);
  return fmt::format("{} of {} Sentinels name{} {}, epoch {}", b->votes, b->known,
                     b->votes == 1 ? "s" : "", b->primary.to_string(), b->epoch);
}

void Sentinels::settle() {
  const MonoTime now = loop_.now().at;
  const auto b = quorum_.belief(now);
  if (!b) return;
  MonoTime next = quorum_.deadline(now);
  if (b->confirmed()) {
    unconfirmed_since_ = kNever;
    // At the start it is what everybody expects.
    const bool again = told_confirmed_ == false;
    told_confirmed_ = true;
    if (again) owner_.on_confirmed(true);
  } else if (told_confirmed_ != false) {
    unconfirmed_since_ = std::min(unconfirmed_since_, now);
    if (now - unconfirmed_since_ >= kTellUnconfirmed) {
      told_confirmed_ = false;
      owner_.on_confirmed(false);
    } else {
      next = std::min(next, unconfirmed_since_ + kTellUnconfirmed);
    }
  }
  settle_at_.set(next);
}

// --- what is published ------------------------------------------------------------------------

std::optional<net::DialTarget> Sentinels::subscription_target(Subscription& subscription) {
  const Entry* entry = find(subscription);
  return entry != nullptr ? entry->node->target_in_use() : std::nullopt;
}

void Sentinels::on_subscribed(Subscription& subscription) {
  if (Entry* entry = find(subscription)) entry->node->link().ask_now();
}

void Sentinels::on_message(Subscription& subscription, const resp::Message& message) {
  Entry* entry = find(subscription);
  if (entry == nullptr) return;
  const auto event = resp::parse_sentinel_event(message.channel, message.payload);
  if (!event) return complain(*entry, Ask::Push, event.error().message);
  if (!*event) return;
  const core::SentinelEvent& e = **event;
  const bool tilt = e.subject == core::SentinelEvent::Subject::None;
  if (!tilt && e.primary_name != settings_.url.primary_name) return;
  if (e.kind == core::SentinelEvent::Kind::ODown) owner_.on_agreed_down(e.where);
  // A hint, never proof: the Sentinel is asked.
  entry->node->link().ask_now();
  if (news_.on_event(entry->id, e, loop_.now().at)) owner_.on_sentinel_news(*entry->node, e);
}

void Sentinels::on_subscription_trouble(Subscription& subscription, const std::string& why) {
  if (Entry* entry = find(subscription))
    complain(*entry, Ask::Push, fmt::format("no subscription: {}", why));
}

}  // namespace relinkd::watch
