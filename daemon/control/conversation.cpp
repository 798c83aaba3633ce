// SPDX-License-Identifier: Apache-2.0
#include "control/conversation.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "control/interface.hpp"
#include "control/views.hpp"

namespace relinkd::control {

namespace {

std::string invalid_parameter(std::string_view name) {
  return encode_error("org.varlink.service.InvalidParameter", {{"parameter", name}});
}

std::string method_not_found(const Call& call) {
  return encode_error("org.varlink.service.MethodNotFound", {{"method", call.method}});
}

std::string info() {
  return fmt::format(
      R"({{"vendor":"relinkd","product":"relinkd","version":"{}","url":"","interfaces":["{}","{}"]}})",
      version(), kServiceInterface, kRelinkdInterface);
}

/// What a method takes: none, or up to two.
struct Takes {
  enum class Type : std::uint8_t { Nothing, Text, Flag, OptionalPeriod };
  std::string_view name;
  Type type = Type::Nothing;
};

bool is_period(double seconds) {
  return seconds >= to_seconds(1ms) && seconds <= to_seconds(kLongestPause);
}

bool fits(const Parameter& given, Takes::Type type) {
  switch (type) {
    case Takes::Type::Nothing: return false;
    case Takes::Type::Text: return std::holds_alternative<std::string>(given);
    case Takes::Type::Flag: return std::holds_alternative<bool>(given);
    case Takes::Type::OptionalPeriod:
      return std::holds_alternative<double>(given) && is_period(std::get<double>(given));
  }
  return false;
}

/// A method of io.relinkd: what it needs, takes and returns.
struct Method {
  std::string_view name;
  Access needs;
  std::string (*run)(Service& service, const Call& call, WallTime now);
  std::array<Takes, 2> takes{};
};

/// Precondition: `call` has that parameter, and of that type.
template <typename T>
const T& given(const Call& call, const char* name) {
  return std::get<T>(call.parameters.at(name));
}

constexpr Method kMethods[] = {
    {"GetStatus", Access::Read,
     [](Service& service, const Call&, WallTime now) {
       return encode_status(service.status(), now);
     }},
    {"GetEvents", Access::Read,
     [](Service& service, const Call&, WallTime) {
       return encode_events(service.recent_events());
     }},
    {"GetConfig", Access::Read,
     [](Service& service, const Call&, WallTime) { return encode_config(service.config()); }},
    {"GetApps", Access::Read,
     [](Service& service, const Call&, WallTime) { return encode_apps(service.apps()); }},
    {"GetCloses", Access::Read,
     [](Service& service, const Call&, WallTime) { return encode_closes(service.closes()); }},
    {"Reload", Access::Order,
     [](Service& service, const Call&, WallTime) { return encode_reload(service.reload()); }},
    {"Relink",
     Access::Order,
     [](Service& service, const Call& call, WallTime) {
       return encode_order(
           service.relink(given<std::string>(call, "app"), given<bool>(call, "dry_run")));
     },
     {{{"app", Takes::Type::Text}, {"dry_run", Takes::Type::Flag}}}},
    {"Reset",
     Access::Order,
     [](Service& service, const Call& call, WallTime) {
       return encode_order(service.reset(given<std::string>(call, "app")));
     },
     {{{"app", Takes::Type::Text}}}},
    {"GetTuning", Access::Read,
     [](Service& service, const Call&, WallTime) { return encode_tuning(service.tuning()); }},
    {"Tune",
     Access::Order,
     [](Service& service, const Call& call, WallTime) {
       return encode_order(
           service.tune(given<std::string>(call, "app"), given<bool>(call, "revert")));
     },
     {{{"app", Takes::Type::Text}, {"revert", Takes::Type::Flag}}}},
    {"Pause",
     Access::Order,
     [](Service& service, const Call& call, WallTime) {
       const auto at = call.parameters.find("seconds");
       return encode_order(service.pause(at == call.parameters.end()
                                             ? Duration::zero()
                                             : from_seconds(std::get<double>(at->second))));
     },
     {{{"seconds", Takes::Type::OptionalPeriod}}}},
    {"Resume", Access::Order,
     [](Service& service, const Call&, WallTime) { return encode_order(service.resume()); }},
};

/// The name of the first parameter that is not as the method takes it, or is missing; empty: none.
std::string_view wrong_parameter(const Call& call, const std::array<Takes, 2>& takes) {
  for (const auto& one : call.parameters) {
    const auto* const t = std::find_if(takes.begin(), takes.end(),
                                       [&](const Takes& take) { return take.name == one.first; });
    if (t == takes.end() || !fits(one.second, t->type)) return one.first;
  }
  for (const Takes& t : takes) {
    const bool needed = t.type == Takes::Type::Text || t.type == Takes::Type::Flag;
    if (needed && call.parameters.count(std::string(t.name)) == 0) return t.name;
  }
  return {};
}

std::string_view refusal(Access needs) {
  return needs == Access::Order
             ? "only root and members of the groups in [control] operators may order; use sudo, or "
               "name a group of yours there and have root run `relinkctl reload`"
             : "only root and members of group relinkd may read, and your user is not in it; use "
               "sudo, or usermod --append --groups relinkd USER, then log in anew";
}

}  // namespace

std::string Conversation::answer(WallTime now) {
  const auto message = framing_.next();
  if (!message) {
    end();
    return encode_error("io.relinkd.InvalidMessage",
                        {{"reason", fmt::format("a call is longer than {} bytes", kMaxCall)}});
  }
  const auto call = parse_call(*message);
  if (!call) {
    // What follows bytes that make no sense makes none either.
    end();
    return encode_error("io.relinkd.InvalidMessage", {{"reason", call.error().message}});
  }
  std::string reply = dispatch(*call, now);
  return call->oneway ? std::string() : std::move(reply);
}

std::string Conversation::dispatch(const Call& call, WallTime now) {
  const std::size_t dot = call.method.rfind('.');
  if (dot == std::string::npos) return invalid_parameter("method");
  const auto interface = std::string_view(call.method).substr(0, dot);
  const auto method = std::string_view(call.method).substr(dot + 1);
  if (interface == kServiceInterface) return dispatch_service(call, method);
  if (interface == kRelinkdInterface) return dispatch_relinkd(call, method, now);
  return encode_error("org.varlink.service.InterfaceNotFound", {{"interface", interface}});
}

std::string Conversation::dispatch_service(const Call& call, std::string_view method) {
  if (method == "GetInfo") {
    if (!call.parameters.empty()) return invalid_parameter(call.parameters.begin()->first);
    return encode_reply(info(), false);
  }
  if (method != "GetInterfaceDescription") return method_not_found(call);
  constexpr std::array<Takes, 2> kTakes{{{"interface", Takes::Type::Text}}};
  if (const auto wrong = wrong_parameter(call, kTakes); !wrong.empty()) {
    return invalid_parameter(wrong);
  }
  const auto& interface = given<std::string>(call, "interface");
  if (interface == kServiceInterface) return encode_description(service_description());
  if (interface == kRelinkdInterface) return encode_description(relinkd_description());
  return encode_error("org.varlink.service.InterfaceNotFound", {{"interface", interface}});
}

std::string Conversation::dispatch_relinkd(const Call& call, std::string_view name, WallTime now) {
  if (name == "Subscribe") {
    if (!call.parameters.empty()) return invalid_parameter(call.parameters.begin()->first);
    return subscribe(call.more);
  }
  for (const Method& method : kMethods) {
    if (method.name != name) continue;
    if (const auto wrong = wrong_parameter(call, method.takes); !wrong.empty()) {
      return invalid_parameter(wrong);
    }
    if (service_.access(peer_) < method.needs) {
      return encode_error("io.relinkd.PermissionDenied", {{"reason", refusal(method.needs)}});
    }
    if (call.more && name == "GetEvents") stream_ = Stream::Events;
    return encode_reply(method.run(service_, call, now), streaming());
  }
  return method_not_found(call);
}

/// Everybody may: what the list has is decided by who the peer is.
std::string Conversation::subscribe(bool more) {
  const Subscriber subscriber = service_.subscriber(peer_);
  std::string list = encode_subscription(service_.subscription(subscriber));
  std::string reply = encode_reply(list, more);
  if (more) {
    stream_ = Stream::Subscription;
    subscriber_ = subscriber;
    told_ = std::move(list);
  }
  return reply;
}

std::string Conversation::subscription_news() {
  std::string list = encode_subscription(service_.subscription(subscriber_));
  if (list == told_) return {};
  told_ = std::move(list);
  return encode_reply(told_, true);
}

}  // namespace relinkd::control
