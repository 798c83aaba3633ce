// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include <cstddef>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "config/app_rules.hpp"
#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/origins.hpp"
#include "config/reader.hpp"
#include "config/rules.hpp"
#include "config/url.hpp"
#include "config/values.hpp"

namespace relinkd::config {

namespace {

constexpr std::string_view kCommandLine = "--endpoint";

std::vector<std::string> file_names(const std::vector<Source>& sources) {
  std::vector<std::string> names;
  names.reserve(sources.size() + 1);
  for (const Source& source : sources) names.push_back(source.path);
  names.emplace_back(kCommandLine);
  return names;
}

class Loader {
 public:
  explicit Loader(const std::vector<Source>& sources) : findings_(file_names(sources)) {
    for (const Source& source : sources) parse(source.text);
  }

  Loaded run(const std::vector<std::string>& extra_urls) {
    for (std::size_t file = 0; file < roots_.size(); ++file) read_sections(file);
    // Only now: an endpoint inherits what the last file says in [watch].
    for (std::size_t file = 0; file < roots_.size(); ++file) {
      read_list(file, kEndpoint, [&](const Node& item) { read_endpoint(item, file); });
      read_list(file, kApp, [&](const Node& item) { read_app(item, file); });
    }
    for (std::size_t i = 0; i < extra_urls.size(); ++i) {
      add_url(extra_urls[i], extra_urls.size() == 1 ? "" : fmt::format("URL {}: ", i + 1));
    }
    if (drafts_.empty()) add_default_endpoint();
    check();

    Loaded loaded;
    loaded.diagnostics = findings_.sorted();
    if (loaded.diagnostics.empty()) loaded.origins = list_origins();
    for (Draft& draft : drafts_) settings_.endpoints.push_back(std::move(draft.endpoint));
    for (AppDraft& draft : apps_) settings_.apps.push_back(std::move(draft.app));
    loaded.settings = std::move(settings_);
    return loaded;
  }

 private:
  void parse(std::string_view text) {
    Document document = parse_document(text);
    if (document.error) {
      findings_.add({roots_.size(), document.error->place}, std::move(document.error->message));
      all_read_ = false;
    }
    roots_.push_back(std::move(document.root));
  }

  void read_sections(std::size_t file) {
    TableReader reader(roots_[file], file, "", marks_, findings_);
    visit_top(reader, settings_);
    reader.table("metrics", [this](KeyVisitor& keys) { visit_metrics(keys, settings_.metrics); });
    reader.table("control", [this](KeyVisitor& keys) { visit_control(keys, settings_.control); });
    reader.table("actuator",
                 [this](KeyVisitor& keys) { visit_actuator(keys, settings_.actuator); });
    reader.table("watch", [this](KeyVisitor& keys) { visit_watch(keys, settings_.watch); });
    reader.table("sysctl", [this](KeyVisitor& keys) { visit_sysctl(keys, settings_.sysctl); });
    reader.take(kEndpoint);
    reader.take(kApp);
    reader.finish();
  }

  void read_list(std::size_t file, std::string_view key,
                 const std::function<void(const Node&)>& read) {
    const Node* list = roots_[file].find(key);
    if (!list) return;
    if (list->type != Node::Type::Array) {
      const std::string what = fmt::format("tables, each headed [[{}]]", key);
      findings_.add({file, list->place}, fmt::format("{}: {}", key, type_error(what, *list)));
      return;
    }
    for (const Node& item : list->children) {
      if (item.type == Node::Type::Table) {
        read(item);
      } else {
        findings_.add({file, item.place}, fmt::format("{}: {}", key, type_error("a table", item)));
      }
    }
  }

  void read_endpoint(const Node& node, std::size_t file) {
    Draft draft = new_draft();
    TableReader reader(node, file, std::string(kEndpoint), draft.marks, findings_);
    visit_endpoint(reader, draft.endpoint);
    reader.finish();
    if (!node.find("url")) {
      findings_.add({file, node.place}, "endpoint: url is missing");
      draft.marks["endpoint.url"] = {{file, node.place}, false};
    }
    add(std::move(draft));
  }

  void read_app(const Node& node, std::size_t file) {
    AppDraft draft{{}, {}, node, file};
    TableReader reader(node, file, std::string(kApp), draft.marks, findings_);
    visit_app(reader, draft.app);
    reader.finish();
    apps_.push_back(std::move(draft));
  }

  void add_url(const std::string& text, const std::string& which) {
    const FilePlace command_line{roots_.size(), {}};
    const auto url = parse_url(text);
    if (!url) findings_.add(command_line, which + url.error().message);
    Draft draft = new_draft();
    draft.marks["endpoint.url"] = {command_line, url.has_value()};
    if (url) draft.endpoint.url = *url;
    add(std::move(draft));
  }

  void add_default_endpoint() {
    Draft draft = new_draft();
    draft.endpoint.url.host = "127.0.0.1";
    add(std::move(draft));
  }

  /// Fills in what follows from the URL where it is not given.
  void add(Draft draft) {
    Endpoint& e = draft.endpoint;
    const auto is_given = [&](std::string_view path) { return draft.marks.contains(path); };
    if (!is_given("endpoint.name")) e.name = e.url.host_port();
    if (!is_given("endpoint.announcements")) e.announcements = announces_maintenance(e.url);
    if (!is_given("endpoint.node_ports")) e.node_ports = default_node_ports(e.url);
    e.tls_given = is_given("endpoint.tls");
    drafts_.push_back(std::move(draft));
  }

  [[nodiscard]] Draft new_draft() const {
    Draft draft;
    draft.endpoint.watch = settings_.watch;
    return draft;
  }

  void check() {
    Rules rules(marks_, all_read_, findings_);
    rules.check_metrics(settings_.metrics);
    rules.check_watch(settings_.watch);
    for (const Draft& draft : drafts_) rules.check_endpoint(draft);
    rules.check_names(drafts_);
    AppRules app_rules(drafts_, all_read_, findings_);
    for (const AppDraft& app : apps_) app_rules.check(app);
    app_rules.check_names(apps_);
  }

  std::vector<Origin> list_origins() {
    std::vector<Origin> origins;
    const auto list = [&](const std::string& section) {
      return OriginLister(
          section + ".",
          [this, section](const std::string& path) { return place_of(section + "." + path); },
          origins);
    };
    OriginLister top(
        "", [this](const std::string& path) { return place_of(path); }, origins);
    visit_top(top, settings_);
    OriginLister metrics = list("metrics");
    visit_metrics(metrics, settings_.metrics);
    OriginLister control = list("control");
    visit_control(control, settings_.control);
    OriginLister actuator = list("actuator");
    visit_actuator(actuator, settings_.actuator);
    OriginLister watch = list("watch");
    visit_watch(watch, settings_.watch);
    for (Draft& draft : drafts_) {
      OriginLister endpoint(
          "endpoint." + draft.endpoint.name + ".",
          [this, &draft](const std::string& path) {
            const Mark* mark = find_mark(draft.marks, "endpoint." + path);
            return mark ? findings_.name(mark->at) : place_of("watch." + path);
          },
          origins);
      visit_endpoint(endpoint, draft.endpoint);
    }
    for (AppDraft& draft : apps_) {
      OriginLister app(
          "app." + draft.app.name + ".",
          [this, &draft](const std::string& path) {
            const Mark* mark = find_mark(draft.marks, "app." + path);
            return mark ? findings_.name(mark->at) : "default";
          },
          origins);
      visit_app(app, draft.app);
    }
    OriginLister sysctl = list("sysctl");
    visit_sysctl(sysctl, settings_.sysctl);
    return origins;
  }

  [[nodiscard]] std::string place_of(const std::string& path) const {
    const auto mark = marks_.find(path);
    return mark == marks_.end() ? "default" : findings_.name(mark->second.at);
  }

  Findings findings_;
  std::vector<Node> roots_;  // one a file, empty where it could not be read
  bool all_read_ = true;
  Settings settings_;
  Marks marks_;  // of all but the endpoints and apps
  std::vector<Draft> drafts_;
  std::vector<AppDraft> apps_;
};

}  // namespace

std::string Diagnostic::to_string() const {
  if (line == 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

Loaded load(const std::vector<Source>& sources, const std::vector<std::string>& extra_urls) {
  return Loader(sources).run(extra_urls);
}

}  // namespace relinkd::config
