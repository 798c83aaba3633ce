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
  return R"(# relinkd watches Redis and Valkey endpoints from this host, and the sockets of
# the applications that use them. Times are ISO 8601
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
  incident: ?string,
  app: ?string,
  action: ?string,
  result: ?string
)

# A value of the configuration in force, and "FILE:LINE" or "default".
type Value (
  key: string,
  value: string,
  place: string
)

# The sockets of an app to one node, counted by their state: "ok", "unproven"
# (idle, and no keepalive timer looks after it), "peer_closed", "black_holed",
# "stalled", "wrong_node", "replica" or "connecting". unprotected counts those
# on which a path that dies while they are idle is not noticed within a minute
# (where their options cannot be looked at: that no keepalive timer looks
# after). Of these, waiting counts those that wait for a reply; waits_seconds is
# how long the longest of them would, null if for ever, and hangs_seconds how
# long the app would hang on the worst of the others, null if not known.
type AppNode (
  node: string,
  sockets: [string]int,
  unprotected: int,
  waiting: int,
  hangs_seconds: ?float,
  waits_seconds: ?float
)

# A socket that is unprotected or in trouble. waiting says that it waits for a
# reply (a command that blocks, too). hangs_seconds is how long the app would
# hang on it if the path died now and, unless it is waiting, it were used; null
# if that is not known, or, where it is waiting, if it would for ever.
# process is the cgroup, or the uid where that is not known.
type AppSocket (
  local: string,
  node: string,
  state: string,
  unprotected: bool,
  waiting: bool,
  hangs_seconds: ?float,
  detail: string,
  process: string
)

# An app's connections to one of its endpoints. incident is that of the relink
# under way, null if none is. listed has at most 100 sockets, those in trouble
# first.
type AppEndpoint (
  endpoint: string,
  sockets: int,
  unprotected: int,
  incident: ?string,
  last_relink: ?string,
  last_relink_at: ?string,
  nodes: []AppNode,
  listed: []AppSocket
)

# A configured set of processes on this host. mode is "act" or "observe".
# other_netns counts its processes in network namespaces that relinkd does not
# see. While the breaker is open, nothing is done for the app.
type App (
  name: string,
  match: string,
  mode: string,
  actions: []string,
  other_netns: int,
  breaker_open: bool,
  breaker_detail: string,
  endpoints: []AppEndpoint
)

# A connection of an app that ended, or could not be opened (established is
# false). cause is as in the metric relinkd_app_disconnects_total; detail says
# why, with figures. usual: such a one happens every day and is not logged.
# age_seconds is null if it was opened before relinkd looked, idle_seconds counts
# since data went either way. condition is that of relinkd's own connection to
# the node then, maintenance that it was announced and under way.
# server_timeout_seconds is the server's own idle limit (0: none), null if not
# known, idle_cut_seconds the age at which idle connections are cut on the path,
# null if none was seen to be.
type Close (
  time: string,
  app: string,
  endpoint: string,
  local: string,
  node: string,
  established: bool,
  cause: string,
  detail: string,
  usual: bool,
  age_seconds: ?float,
  idle_seconds: ?float,
  rtt_seconds: ?float,
  sent_bytes: int,
  received_bytes: int,
  retransmits: int,
  condition: string,
  maintenance: bool,
  server_timeout_seconds: ?float,
  idle_cut_seconds: ?float,
  incident: ?string
)

# What looks after a socket: SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL,
# TCP_KEEPCNT and TCP_USER_TIMEOUT; user_timeout_seconds is null for none.
type SocketOptions (
  keepalive: bool,
  idle_seconds: float,
  interval_seconds: float,
  count: int,
  user_timeout_seconds: ?float
)

# So many sockets were changed so; or, where done is false, would be.
type TuningChange (
  sockets: int,
  done: bool,
  before: SocketOptions,
  after: SocketOptions
)

# An app's live sockets to one of its endpoints, each counted once: strict are
# those that the app itself made as strict as is wanted, tuned those that
# relinkd did, loose the others, and unseen those whose options nobody has
# looked at. wanted is null with protect = false. changes has at most 20.
type TuningEndpoint (
  endpoint: string,
  sockets: int,
  strict: int,
  tuned: int,
  loose: int,
  unseen: int,
  wanted: ?SocketOptions,
  changes: []TuningChange
)

# reverted: a person took the protection of the app back.
type TuningApp (
  name: string,
  mode: string,
  reverted: bool,
  endpoints: []TuningEndpoint
)

# How an app should see one of its endpoints. primaries are those proven, of a
# cluster several. generation rises each time that connections made before
# should be replaced: another primary has proven itself, or connections were
# found dead. By how much it rises means nothing. 0 means not since relinkd
# started, so keep the highest that you have seen. reason says why it rose last.
# incident is the one that is open, or was until a minute ago.
type Subscription (
  app: string,
  endpoint: string,
  condition: string,
  up: bool,
  primaries: []string,
  generation: int,
  reason: ?string,
  incident: ?string
)

# How everything is at this moment. While paused, nothing is done for any app;
# paused_until is null where that lasts until Resume.
method GetStatus() -> (
  paused: bool,
  paused_until: ?string,
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

# The sockets of the apps, as of the time census, null before the first look.
# paused_until is as in GetStatus. actuator says what
# relinkd-actuator can do here, or why it cannot be reached.
method GetApps() -> (
  paused: bool,
  paused_until: ?string,
  actuator: string,
  census: ?string,
  apps: []App
)

# Connections of apps that ended, oldest first: the last 500 that are usual, and
# the last 500 of the others.
method GetCloses() -> (closes: []Close)

# The endpoints of the apps that the caller is a process of, by its user and
# control group at the time of this call; who may read everything sees those of
# all apps. Every local user may ask. With "more" the stream goes on: a reply
# with the whole list each time that it has changed. A caller that belongs to no
# app gets an empty list; the stream stays open, for the configuration may
# change. A caller that does not read gets the newest list when it does. One
# user may have 64 connections, so share one among the threads of a process.
method Subscribe() -> (subscriptions: []Subscription)

# Makes an app reconnect now: all actions of its ladder until one helps, at
# once and with the breaker open too, but only toward a healthy endpoint. With
# dry_run it only says what would be done. lines are sentences for the person
# who ordered it.
method Relink(app: string, dry_run: bool) -> (accepted: bool, lines: []string)

# Closes an app's breaker.
method Reset(app: string) -> (accepted: bool, lines: []string)

# The protection of the apps' live sockets. unsupported says why their options
# cannot be looked at here; null if they can.
method GetTuning() -> (
  paused: bool,
  unsupported: ?string,
  apps: []TuningApp
)

# Protects the live sockets of an app at once and again; with revert, puts back
# what was changed, and leaves the app unprotected until the next Tune without
# it. An empty app means all.
method Tune(app: string, revert: bool) -> (accepted: bool, lines: []string)

# Stops all actions for apps: for so many seconds, a year at most, or until
# Resume. Watching goes on.
method Pause(seconds: ?float) -> (accepted: bool, lines: []string)

# Ends a pause.
method Resume() -> (accepted: bool, lines: []string)

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

# Who followed the events read too slowly and has missed some. The connection
# ends.
error SubscriberTooSlow (reason: string)
)";
}

}  // namespace relinkd::control
