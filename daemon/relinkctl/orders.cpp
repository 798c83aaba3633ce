// SPDX-License-Identifier: Apache-2.0
// Orders of a person about apps: relink, reset, tune, pause, resume.
#include <optional>
#include <string>

#include <fmt/format.h>

#include "control/client.hpp"
#include "control/json_writer.hpp"
#include "control/views.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

/// Gives the order and tells what came of it.
int order(const GlobalOptions& global, const std::string& method, const std::string& parameters) {
  const auto json = control::call(find_socket(global), method, parameters, kAnswerTimeout);
  const auto order = json ? control::decode_order(*json) : Result<control::OrderView>(json.error());
  if (!order) return not_answered(order.error());
  for (const auto& line : order->lines) {
    if (order->accepted) {
      print(clean(line) + '\n');
    } else {
      complain(clean(line));
    }
  }
  if (order->accepted) return kDone;
  if (order->lines.empty()) complain("relinkd refuses, and does not say why");
  return kFailed;
}

}  // namespace

int run_relink(const GlobalOptions& global, const std::string& app, bool dry_run) {
  control::JsonWriter json;
  json.open_object().key("app").string(app).key("dry_run").boolean(dry_run).close_object();
  return order(global, "io.relinkd.Relink", json.take());
}

int run_reset(const GlobalOptions& global, const std::string& app) {
  control::JsonWriter json;
  json.open_object().key("app").string(app).close_object();
  return order(global, "io.relinkd.Reset", json.take());
}

int run_tune(const GlobalOptions& global, const std::string& app, bool revert) {
  control::JsonWriter json;
  json.open_object().key("app").string(app).key("revert").boolean(revert).close_object();
  return order(global, "io.relinkd.Tune", json.take());
}

int run_pause(const GlobalOptions& global, std::optional<Duration> duration) {
  control::JsonWriter json;
  json.open_object();
  if (duration) json.key("seconds").seconds(*duration);
  return order(global, "io.relinkd.Pause", json.close_object().take());
}

int run_resume(const GlobalOptions& global) { return order(global, "io.relinkd.Resume", "{}"); }

}  // namespace relinkd::relinkctl
