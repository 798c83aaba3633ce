// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "files/config_files.hpp"

namespace relinkd::relinkctl {

// Exit codes. `check` and `sysctl check` exit as monitoring plugins do. The others have a table
// that says the same by 2 and 3 as far as it can: wrong usage, and that nothing is known.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;  ///< or refused
inline constexpr int kUsage = 2;
inline constexpr int kNotAsked = 3;  ///< relinkd, or the journal, could not be asked
inline constexpr int kPluginOk = 0;
inline constexpr int kPluginWarning = 1;
inline constexpr int kPluginCritical = 2;
inline constexpr int kPluginUnknown = 3;  ///< usage, too

/// What every command needs to find relinkd.
struct GlobalOptions {
  std::string config_file = files::kDefaultConfigFile;
  std::string socket;  ///< --socket; empty: what the configuration says
};

struct StatusOptions {
  std::vector<std::string> endpoints;  ///< empty: all
  bool watch = false;
  bool json = false;
};
int run_status(const GlobalOptions& global, const StatusOptions& options);

struct EventsOptions {
  bool follow = false;
  bool json = false;
};
int run_events(const GlobalOptions& global, const EventsOptions& options);

struct IncidentsOptions {
  std::string since = "7d";  ///< parse_since()
  bool json = false;
};
int run_incidents(const IncidentsOptions& options);

struct AppsOptions {
  std::vector<std::string> apps;  ///< empty: all
  bool json = false;
};
int run_apps(const GlobalOptions& global, const AppsOptions& options);

struct ClosesOptions {
  std::vector<std::string> apps;  ///< empty: all
  bool all = false;               ///< the usual ones, too
  bool json = false;
};
int run_closes(const GlobalOptions& global, const ClosesOptions& options);

int run_tune_show(const GlobalOptions& global, const AppsOptions& options);
/// Empty: all apps.
int run_tune(const GlobalOptions& global, const std::string& app, bool revert);

int run_relink(const GlobalOptions& global, const std::string& app, bool dry_run);
int run_reset(const GlobalOptions& global, const std::string& app);
/// Nothing: until it is resumed.
int run_pause(const GlobalOptions& global, std::optional<Duration> duration);
int run_resume(const GlobalOptions& global);

/// Checks `file` and the drop-ins beside it; an empty name means the global one.
int run_config_check(const GlobalOptions& global, const std::string& file);
int run_config_show(const GlobalOptions& global, bool json);

int run_reload(const GlobalOptions& global);

/// `name`: a condition, or any other kind of event.
int run_explain(const std::string& name);

struct SysctlCheckOptions {
  bool all_namespaces = false;  ///< --netns all
  bool json = false;
};
int run_sysctl_check(const GlobalOptions& global, const SysctlCheckOptions& options);
/// Exits as `sysctl check` would then; kPluginCritical: nothing was changed.
int run_sysctl_apply(const GlobalOptions& global);
/// kPluginWarning: something stays as somebody else made it.
int run_sysctl_revert();

struct CheckOptions {
  std::string url;
  std::string password_file;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string server_name;
  bool verify = true;
  std::string expect = "primary";  ///< "primary", "replica", "any"
  Duration timeout = 5s;
  bool json = false;
};
int run_check(const CheckOptions& options);

}  // namespace relinkd::relinkctl
