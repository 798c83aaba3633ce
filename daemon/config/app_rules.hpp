// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string_view>
#include <vector>

#include "config/reader.hpp"
#include "config/rules.hpp"
#include "config/settings.hpp"

namespace relinkd::config {

/// An app on its way into the settings.
struct AppDraft {
  App app;
  Marks marks;       ///< by paths that begin with "app."
  const Node& node;  ///< its table
  std::size_t file;  ///< where that stands
};

/// The rules between the keys of an app, and between apps and endpoints. What is compared with a
/// refused value, or with endpoints of which not all are known, breaks none.
class AppRules {
 public:
  /// `endpoints` must outlive it. `all_read`: no file had a syntax error.
  AppRules(const std::vector<Draft>& endpoints, bool all_read, Findings& findings);

  void check(const AppDraft& draft);
  void check_names(const std::vector<AppDraft>& drafts);

 private:
  void check_required(const AppDraft& draft);
  void check_match(const AppDraft& draft);
  void check_actions(const AppDraft& draft);
  void check_endpoint(const AppDraft& draft, std::size_t index);

  std::map<std::string_view, const Draft*> endpoints_;  // by name
  std::vector<std::string_view> names_;                 // of those in files
  bool all_known_;
  Findings& findings_;
};

}  // namespace relinkd::config
