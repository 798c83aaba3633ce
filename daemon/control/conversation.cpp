// SPDX-License-Identifier: Apache-2.0
#include "control/conversation.hpp"

#include <optional>
#include <utility>

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

/// A method of io.relinkd: what it needs, and what it returns.
struct Method {
  std::string_view name;
  Access needs;
  std::string (*run)(Service& service, WallTime now);
};

constexpr Method kMethods[] = {
    {"GetStatus", Access::Read,
     [](Service& service, WallTime now) { return encode_status(service.status(), now); }},
    {"GetEvents", Access::Read,
     [](Service& service, WallTime) { return encode_events(service.recent_events()); }},
    {"GetConfig", Access::Read,
     [](Service& service, WallTime) { return encode_config(service.config()); }},
    {"Reload", Access::Order,
     [](Service& service, WallTime) { return encode_reload(service.reload()); }},
};

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
  std::optional<std::string> interface;
  for (const auto& [name, value] : call.parameters) {
    if (name != "interface") return invalid_parameter(name);
    interface = value;
  }
  if (!interface) return invalid_parameter("interface");
  if (*interface == kServiceInterface) return encode_description(service_description());
  if (*interface == kRelinkdInterface) return encode_description(relinkd_description());
  return encode_error("org.varlink.service.InterfaceNotFound", {{"interface", *interface}});
}

std::string Conversation::dispatch_relinkd(const Call& call, std::string_view name, WallTime now) {
  for (const Method& method : kMethods) {
    if (method.name != name) continue;
    if (!call.parameters.empty()) return invalid_parameter(call.parameters.begin()->first);
    if (service_.access(peer_) < method.needs) {
      return encode_error(
          "io.relinkd.PermissionDenied",
          {{"reason", method.needs == Access::Order
                          ? "only root and the groups in [control] operators may order"
                          : "only root and members of the group relinkd may read"}});
    }
    streaming_ = call.more && name == "GetEvents";
    return encode_reply(method.run(service_, now), streaming_);
  }
  return method_not_found(call);
}

}  // namespace relinkd::control
