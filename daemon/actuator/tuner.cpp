// SPDX-License-Identifier: Apache-2.0
#include "actuator/tuner.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "actuator/own_file.hpp"
#include "base/text.hpp"
#include "config/wanted_options.hpp"
#include "kernel/sysctl.hpp"

namespace relinkd::actuator {

namespace {

using Outcomes = orders::Answer::Result;

Outcome outcome(Outcomes result, std::string detail) {
  Outcome o;
  o.result = result;
  o.detail = std::move(detail);
  return o;
}

/// The ports to which apps may be connected for the sake of their endpoints.
std::set<std::uint16_t> ports_of(const config::Settings& settings) {
  std::set<std::uint16_t> ports;
  for (const config::App& app : settings.apps) {
    for (const config::Endpoint& e : settings.endpoints) {
      if (std::find(app.endpoints.begin(), app.endpoints.end(), e.name) == app.endpoints.end()) {
        continue;
      }
      ports.insert(e.node_ports.begin(), e.node_ports.end());
    }
  }
  return ports;
}

}  // namespace

Tuner::Tuner(loop::Loop& loop, Configuration& configuration,
             std::optional<kernel::Cgroups>& cgroups, std::string path,
             std::function<void(const std::string&)> complain)
    : loop_(loop),
      configuration_(configuration),
      cgroups_(cgroups),
      path_(std::move(path)),
      complain_(std::move(complain)),
      walk_(loop.deadlines(), [this] { walk(); }) {
  const auto text = read_own(path_, TunedMemory::kMaxBytes);
  if (text && text->empty()) return;
  auto memory = text ? TunedMemory::decode(*text) : Result<TunedMemory>(text.error());
  if (memory) {
    memory_ = *std::move(memory);
    return;
  }
  complain_(fmt::format("{}: {}: what connections were like before is not known", path_,
                        memory.error().message));
}

Result<void> Tuner::load() {
  if (programs_) return {};
  const MonoTime now = loop_.now().at;
  if (refused_ && now < next_load_) return *refused_;
  auto programs = bpf::Programs::load();
  if (!programs) {
    refused_ = programs.error();
    next_load_ = now + kLoadAgain;
    return *refused_;
  }
  programs_ = *std::move(programs);
  refresh();
  return {};
}

void Tuner::refresh() {
  // Not with each order: it takes longer than the order itself.
  const auto& gate = configuration_.gate();
  if (programs_ && gate) programs_->watch(ports_of(gate->settings()));
}

Outcome Tuner::trace() {
  if (const auto loaded = load(); !loaded) {
    return outcome(Outcomes::Unsupported, loaded.error().message);
  }
  if (const auto attached = programs_->attach(); !attached) {
    return outcome(Outcomes::Unsupported, attached.error().message);
  }
  Outcome done = outcome(Outcomes::Done, "the kernel tells of connections");
  done.fd = programs_->ring();
  return done;
}

void Tuner::end_trace() {
  if (programs_) programs_->detach();
}

void Tuner::tune(orders::Order order, Reply reply) {
  if (const auto loaded = load(); !loaded) {
    return reply(outcome(Outcomes::Unsupported, loaded.error().message));
  }
  if (waiting_.size() >= kMostWaiting) {
    return reply(outcome(Outcomes::RateLimited,
                         fmt::format("{} orders wait for the next walk over the kernel's sockets, "
                                     "as many as there may be",
                                     kMostWaiting)));
  }
  waiting_.push_back({std::move(order), std::move(reply)});
  if (walk_.due() == kNever) walk_.set(std::max(loop_.now().at + kGather, next_walk_));
}

void Tuner::walk() {
  std::vector<Waiting> waiting = std::exchange(waiting_, {});
  const MonoTime begun = loop::Loop::clock();
  const auto done = carry_out(waiting);
  const MonoTime now = loop::Loop::clock();
  // A clock that went on while this did not run is no work.
  next_walk_ = now + std::min<Duration>((now - begun) * kShare, kLongestRest);
  if (done) return;
  for (Waiting& w : waiting) w.reply(outcome(Outcomes::Failed, done.error().message));
}

bool Tuner::is_of(const bpf::Found& found, const orders::Order& order) {
  const auto& gate = configuration_.gate();
  if (!gate) return false;
  const auto permit = gate->permits_tuning(order);
  if (!permit) return false;
  const auto& ports = permit->endpoint->node_ports;
  if (std::find(ports.begin(), ports.end(), found.remote_port) == ports.end()) return false;
  std::string cgroup;
  if (cgroups_ && found.cgroup != 0) {
    cgroup = cgroups_->path(found.cgroup, loop_.now().at).value_or("");
  }
  return gate->matcher().owner(cgroup, found.uid, permit->endpoint->name) == permit->index;
}

/// What the socket is to be given; nothing: it is to stay as it is.
std::optional<core::SocketOptions> Tuner::wanted(const bpf::Found& found,
                                                 const orders::Order& order) const {
  std::optional<core::SocketOptions> options;
  if (order.tuning == orders::Order::Tuning::Revert) {
    if (const auto* before = memory_.find(found.cookie)) options = *before;
  } else if (order.tuning == orders::Order::Tuning::Apply) {
    const auto permit = configuration_.gate()->permits_tuning(order);
    const auto asked = config::wanted_options(*permit->app, *permit->endpoint);
    if (asked) {
      const auto within = core::no_later_than(*asked, give_up_);
      options = core::protect(found.now, within);
    }
  }
  if (options == found.now) options.reset();
  return options;
}

Result<void> Tuner::carry_out(std::vector<Waiting>& waiting) {
  std::vector<bpf::Wish> wishes;
  std::set<std::uint64_t> asked;
  for (const Waiting& w : waiting) asked.insert(w.order.cookies.begin(), w.order.cookies.end());
  // At times those that were changed before are looked for, too: what is gone is forgotten.
  const bool forgets = loop_.now().at >= next_forget_;
  if (forgets) asked.merge(memory_.cookies());
  for (const std::uint64_t cookie : asked) {
    if (wishes.size() == bpf::Programs::kMostWishes) break;
    wishes.push_back({cookie, std::nullopt});
  }
  const bool whole = wishes.size() == asked.size();
  const auto looked = programs_->walk(wishes);
  if (!looked) return looked.error();
  std::unordered_map<std::uint64_t, bpf::Found> found;
  for (const bpf::Found& f : *looked) {
    found.emplace(f.cookie, f);
    memory_.notice(f.cookie, f.now);
  }
  if (forgets && whole) {
    next_forget_ = loop_.now().at + kForget;
    for (const std::uint64_t cookie : memory_.cookies()) {
      if (!found.contains(cookie)) memory_.forget(cookie);
    }
  }

  wishes.clear();
  give_up_ = kernel::give_up_now();
  std::map<std::uint64_t, core::SocketOptions> changed;
  std::set<std::uint64_t> no_room;
  for (const Waiting& w : waiting) {
    for (const std::uint64_t cookie : w.order.cookies) {
      const auto it = found.find(cookie);
      if (it == found.end() || changed.contains(cookie) || !is_of(it->second, w.order)) continue;
      const auto options = wanted(it->second, w.order);
      if (!options) continue;
      // What cannot be put back is not changed.
      if (!memory_.remember(cookie, it->second.now)) {
        no_room.insert(cookie);
        continue;
      }
      changed.emplace(cookie, *options);
      wishes.push_back({cookie, *options});
    }
  }
  std::map<std::uint64_t, int> failed;
  if (!wishes.empty()) {
    // Before it is done: a program that is killed meanwhile remembers.
    if (const auto kept = write_own(path_, memory_.encode()); !kept) return kept.error();
    const auto set = programs_->walk(wishes);
    if (!set) return set.error();
    for (const bpf::Found& f : *set) {
      found[f.cookie] = f;
      memory_.gave(f.cookie, f.now);
      if (f.failed != 0) failed[f.cookie] = f.failed;
    }
  }

  bool forgot = false;
  for (Waiting& w : waiting) {
    Outcome o = outcome(Outcomes::Done, "");
    std::size_t done = 0, left_alone = 0;
    int errno_of_one = 0;
    for (const std::uint64_t cookie : w.order.cookies) {
      const auto it = found.find(cookie);
      if (it == found.end() || !is_of(it->second, w.order)) continue;
      orders::Answer::Tuned row;
      row.cookie = cookie;
      row.now = it->second.now;
      const auto* before = memory_.find(cookie);
      if (before != nullptr && *before == row.now) {
        memory_.forget(cookie);
        forgot = true;
        before = nullptr;
      }
      if (before != nullptr) row.before = *before;
      if (no_room.contains(cookie)) ++left_alone;
      if (failed.contains(cookie)) {
        errno_of_one = failed[cookie];
      } else if (changed.contains(cookie)) {
        ++done;
      }
      o.tuned.push_back(row);
    }
    o.detail = fmt::format("{} of {} found, {} changed", o.tuned.size(),
                           plural(w.order.cookies.size(), "connection"), done);
    if (left_alone > 0) {
      o.result = Outcomes::Failed;
      o.detail += fmt::format("; {} left alone, since {} are changed already, as many as may be",
                              left_alone, memory_.size());
    }
    if (errno_of_one != 0) {
      o.result = Outcomes::Failed;
      o.detail = system_error(errno_of_one, o.detail + "; one could not be").message;
    }
    w.reply(std::move(o));
  }
  waiting.clear();
  if (forgot) return write_own(path_, memory_.encode());
  return {};
}

}  // namespace relinkd::actuator
