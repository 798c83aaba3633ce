// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "control/service.hpp"

namespace relinkd::control {

/// What the daemon offers, as the JSON objects that io.relinkd's methods return (the keys are in
/// interface.cpp), and back. Times are ISO 8601 in UTC with milliseconds, durations seconds.
/// Keys that are missing or of another type read as the view's defaults, so that relinkctl and a
/// daemon of another version understand each other; what is no JSON object is an Error.

/// `now` is what since_seconds counts to.
std::string encode_status(const StatusView& status, WallTime now);
Result<StatusView> decode_status(std::string_view json);

std::string encode_apps(const AppsView& apps);
Result<AppsView> decode_apps(std::string_view json);

std::string encode_closes(const ClosesView& closes);
Result<ClosesView> decode_closes(std::string_view json);
/// One alone, which is what `relinkctl closes --json` prints.
std::string encode_close(const CloseView& close);

std::string encode_tuning(const TuningView& tuning);
Result<TuningView> decode_tuning(std::string_view json);

/// A status, apps or tuning, `json`, with only those in its array `list` ("endpoints", "apps") that
/// are named, all their keys kept.
Result<std::string> select_named(std::string_view json, const char* list,
                                 const std::vector<std::string>& names);

std::string encode_order(const OrderView& order);
Result<OrderView> decode_order(std::string_view json);

/// Only for the daemon's side: those who read it are apps.
std::string encode_subscription(const std::vector<SubscriptionView>& subscription);

/// {"events":[…]}, and one event alone, which is what `relinkctl events --json` prints.
std::string encode_events(const std::vector<EventView>& events);
std::string encode_event(const EventView& event);
Result<std::vector<EventView>> decode_events(std::string_view json);

std::string encode_config(const std::vector<OriginView>& values);
Result<std::vector<OriginView>> decode_config(std::string_view json);

std::string encode_reload(const ReloadView& reload);
Result<ReloadView> decode_reload(std::string_view json);

}  // namespace relinkd::control
