// SPDX-License-Identifier: Apache-2.0
#include "control/interface.hpp"

namespace relinkd::control {

std::string_view version() { return RELINKD_VERSION; }

// As https://varlink.org/Service publishes it.
std::string_view service_description() {
  return R"(# The Varlink Service Interface is provided by every varlink service. It
# describes the service and the interfaces it implements.
interface org.varlink.service

# Get a list of all the interfaces a service provides and information
# about the implementation.
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# Get the description of an interface that is implemented by this service.
method GetInterfaceDescription(interface: string) -> (description: string)

# The requested interface was not found.
error InterfaceNotFound (interface: string)

# The requested method was not found
error MethodNotFound (method: string)

# The interface defines the requested method, but the service does not
# implement it.
error MethodNotImplemented (method: string)

# One of the passed parameters is invalid.
error InvalidParameter (parameter: string)
)";
}

std::string_view relinkd_description() {
  return R"(# relinkd watches Redis and Valkey endpoints from this host. Times are ISO 8601
# in UTC ("2026-11-22T10:15:00.123Z"), durations are seconds.
interface io.relinkd

# One server. condition is what is wrong with it, "ok" if nothing is;
# `relinkctl explain CONDITION` says what each means. role is what it says of
# itself: "primary", "replica" or "unknown". part is what it is for the
# endpoint: "primary" (its condition counts), "replica", "former" (it was the
# primary, and connections of this host still lead to it), "candidate" (it is
# asked whether it is the primary now) or "sentinel".
type Node (
  node: string,
  part: string,
  condition: string,
  role: string,
  since: string,
  since_seconds: float,
  detail: string,
  rtt_seconds: ?float,
  last_reply: ?string,
  connected_since: ?string,
  server_version: string
)

# A node that ceased to be the primary at the time since. sockets counts the TCP
# connections that processes of this host still hold to it.
type FormerPrimary (
  node: string,
  since: string,
  since_seconds: float,
  sockets: int
)

# A change of the primary. kind is "failover" (the old one was lost),
# "switchover" (it was well, or the change was announced), "dns" (the name was
# moved) or "restart" (the same address, another process). time is when the new
# one proved itself, duration_seconds counts from the last proof of the old one.
# planned says that maintenance was announced.
type Failover (
  kind: string,
  from: string,
  to: string,
  time: string,
  duration_seconds: float,
  planned: bool,
  detail: string
)

# A configured Redis service. idle_cut_seconds is the age at which idle
# connections are cut on the way to it, 0 if none was seen to be. disconnects
# counts the connections that ended, by cause. topology is how its nodes are
# learnt: "address" (it stands in the URL), "name" (DNS), "sentinel" or
# "cluster". confirmed is false while no majority of the known Sentinels agrees
# who the primary is. uncovered_slots counts the hash slots of a cluster that no
# node serves. maintenance is what the service announces, null if nothing.
type Endpoint (
  name: string,
  url: string,
  expect: string,
  condition: string,
  up: bool,
  since: string,
  since_seconds: float,
  detail: string,
  incident: ?string,
  idle_cut_seconds: float,
  idle_cut_detail: string,
  addresses: []string,
  disconnects: [string]int,
  topology: string,
  topology_detail: string,
  confirmed: bool,
  nodes: []Node,
  sentinels: []Node,
  former_primaries: []FormerPrimary,
  last_failover: ?Failover,
  uncovered_slots: int,
  maintenance: ?string
)

# One line of the log. priority is syslog's: 3 error, 4 warning, 5 notice,
# 6 information. sequence rises by one with each event of a running relinkd.
type Event (
  sequence: int,
  time: string,
  event: string,
  message_id: string,
  priority: int,
  message: string,
  endpoint: ?string,
  node: ?string,
  condition: ?string,
  cause: ?string,
  incident: ?string
)

# A value of the configuration in force, and "FILE:LINE" or "default".
type Value (
  key: string,
  value: string,
  place: string
)

# How everything is at this moment.
method GetStatus() -> (
  version: string,
  pid: int,
  started: string,
  metrics_url: string,
  config_loaded: string,
  endpoints: []Endpoint
)

# The last events, oldest first. With "more" the stream goes on: a reply for
# each new event as it comes.
method GetEvents() -> (events: []Event)

# The configuration in force.
method GetConfig() -> (values: []Value)

# Reads the configuration anew. One with errors is refused as a whole, and the
# one in force stays.
method Reload() -> (
  accepted: bool,
  errors: []string,
  endpoints_kept: int,
  endpoints_changed: int,
  endpoints_added: int,
  endpoints_removed: int
)

# The caller may not do that.
error PermissionDenied (reason: string)

# What came is no Varlink call. The connection ends.
error InvalidMessage (reason: string)

# There are as many connections as relinkd allows. The connection ends.
error TooManyConnections (reason: string)

# The subscriber read too slowly and has missed events. The connection ends.
error SubscriberTooSlow (reason: string)
)";
}

}  // namespace relinkd::control
