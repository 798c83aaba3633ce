// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <poll.h>

#include "base/text.hpp"
#include "control/client.hpp"
#include "control/views.hpp"
#include "loop/loop.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/names.hpp"
#include "relinkctl/output.hpp"
#include "relinkctl/status_view.hpp"

namespace relinkd::relinkctl {

namespace {

/// --watch draws anew so often, and at once after an event, but not more often than kRest.
constexpr Duration kRedraw = 1s;
constexpr Duration kRest = 100ms;

void sleep_for(Duration d) {
  const timespec t{.tv_sec = d / 1s, .tv_nsec = (d % 1s).count()};
  (void)ppoll(nullptr, 0, &t, nullptr);
}

class StatusCommand {
 public:
  StatusCommand(std::string socket, const StatusOptions& options)
      : socket_(std::move(socket)), options_(options) {}

  int run() {
    const auto text = status_text(/*check_names=*/true);
    if (!text) return not_answered(text.error());
    if (!options_.watch) {
      print(*text);
      return kDone;
    }
    while (!reader_gone()) {
      // Subscribed before the look, so that nothing that happens after it is missed.
      subscribe();
      draw();
      wait();
    }
    return kDone;
  }

 private:
  Result<std::string> status_text(bool check_names) {
    auto json = control::call(socket_, "io.relinkd.GetStatus", "{}", kAnswerTimeout);
    if (!json) return json.error();
    if (!options_.endpoints.empty()) {
      const auto all = control::decode_status(*json);
      if (!all) return all.error();
      std::vector<std::string_view> names;
      for (const auto& endpoint : all->endpoints) names.push_back(endpoint.name);
      const auto known = all_known(options_.endpoints, "endpoint", names);
      // While watching, a reload may take an endpoint away for a moment.
      if (check_names && !known) return known.error();
      json = control::select_named(*json, "endpoints", options_.endpoints);
      if (!json) return json.error();
    }
    if (options_.json) return *json + '\n';
    const auto status = control::decode_status(*json);
    if (!status) return status.error();
    return render_status(*status, loop::Loop::wall(), screen());
  }

  void draw() {
    const auto status = status_text(/*check_names=*/false);
    if (options_.json) {
      if (status)
        print(*status);
      else
        complain(status.error().message);
      return;
    }
    const Screen s = screen();
    const std::string text =
        status ? *status : fmt::format("{}\nTrying again every second.\n", status.error().message);
    print(s.moves && s.width > 0 ? on_whole_screen(text, s) : text + '\n');
  }

  /// Draws over the last picture, line by line: clearing the screen first would flicker.
  static std::string on_whole_screen(std::string_view text, const Screen& s) {
    std::string out = "\033[H";
    const auto lines = split(trim(text), '\n');
    const std::size_t fit = s.height > 1 ? s.height - 1 : lines.size();
    const std::size_t shown = lines.size() <= fit ? lines.size() : fit - 1;
    for (std::size_t i = 0; i < shown; ++i) out += fmt::format("{}\033[K\n", lines[i]);
    if (shown < lines.size()) out += fmt::format("… {} more lines\033[K\n", lines.size() - shown);
    return out + "\033[J";
  }

  void subscribe() {
    if (events_) return;
    auto client = control::Client::connect(socket_);
    if (!client || !client->send("io.relinkd.GetEvents", "{}", /*more=*/true)) return;
    // The first reply tells what was before.
    const auto first = client->receive(kAnswerTimeout);
    if (first && *first) events_ = *std::move(client);
  }

  /// Until an event or the next time to draw.
  void wait() {
    if (!events_) return sleep_for(kRedraw);
    auto event = events_->receive(kRedraw);
    if (event && *event) {
      sleep_for(kRest);
      while (event && *event) event = events_->receive(Duration::zero());
    }
    if (event) return;
    events_.reset();
    sleep_for(kRedraw);
  }

  std::string socket_;
  StatusOptions options_;
  std::optional<control::Client> events_;
};

}  // namespace

int run_status(const GlobalOptions& global, const StatusOptions& options) {
  return StatusCommand(find_socket(global), options).run();
}

}  // namespace relinkd::relinkctl
