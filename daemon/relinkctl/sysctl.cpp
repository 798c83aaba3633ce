// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "base/text.hpp"
#include "kernel/netns.hpp"
#include "kernel/sysctl_files.hpp"
#include "kernel/text_file.hpp"
#include "relinkctl/commands.hpp"
#include "relinkctl/find_socket.hpp"
#include "relinkctl/output.hpp"
#include "relinkctl/sysctl_report.hpp"

namespace relinkd::relinkctl {

namespace {

/// The kernel's TASK_COMM_LEN, with room.
constexpr std::size_t kMaxComm = 64;
/// How many processes of a namespace are named.
constexpr std::size_t kNamed = 3;

std::string process_in_words(pid_t pid) {
  const auto comm = kernel::read_text(fmt::format("/proc/{}/comm", pid), kMaxComm);
  return fmt::format("{} (process {})", comm ? clean(trim(*comm)) : "?", pid);
}

void describe(const kernel::NetworkNamespace& where, NamespaceLines& lines) {
  lines.inode = where.inode;
  lines.processes = where.processes.size();
  std::vector<std::string> found;
  for (const std::string& mount : where.mounts) found.push_back("mounted at " + mount);
  if (!where.processes.empty()) {
    std::vector<std::string> named;
    for (const pid_t pid : where.processes) {
      if (named.size() == kNamed) break;
      named.push_back(process_in_words(pid));
    }
    found.push_back(fmt::format(
        "{} in it: {}{}",
        where.processes.size() == 1 ? "1 process"
                                    : fmt::format("{} processes", where.processes.size()),
        fmt::join(named, ", "), named.size() < where.processes.size() ? ", …" : ""));
  }
  lines.found = fmt::format("net:[{}], {}.", where.inode, fmt::join(found, "; "));
  lines.name = where.mounts.empty()
                   ? process_in_words(where.processes.front())
                   : where.mounts.front().substr(where.mounts.front().rfind('/') + 1);
}

Result<std::vector<NamespaceLines>> other_namespaces(
    const std::map<std::string, std::int64_t>& wanted) {
  const auto all = kernel::network_namespaces();
  if (!all) return all.error();
  std::vector<NamespaceLines> lines;
  for (const auto& where : *all) {
    if (where.own) continue;
    NamespaceLines one;
    describe(where, one);
    const auto looked = kernel::in_namespace(where, [&] {
      one.network = kernel::has_network();
      one.lines = report_sysctls(wanted, kernel::read_sysctl, nullptr).lines;
    });
    if (!looked) one.error = looked.error().message;
    lines.push_back(std::move(one));
  }
  return lines;
}

}  // namespace

int run_sysctl_check(const GlobalOptions& global, const SysctlCheckOptions& options) {
  // Standard output: what a monitoring system shows.
  const auto unknown = [](const std::string& why) {
    print("Unknown: " + why + '\n');
    return kPluginUnknown;
  };
  const auto config = read_config(global.config_file);
  if (!config) return unknown("the configuration cannot be used.\n" + config.error().message);
  if (options.all_namespaces && geteuid() != 0) {
    return unknown(
        "only root can look into other network namespaces: sudo relinkctl sysctl check "
        "--netns all");
  }
  const auto& wanted = config->settings.sysctl.want;
  const core::SysctlSources sources = kernel::read_sysctl_files();
  auto report = report_sysctls(wanted, kernel::read_sysctl, &sources);
  if (options.all_namespaces) {
    auto others = other_namespaces(wanted);
    if (!others) return unknown(others.error().message + '.');
    report.namespaces = std::move(*others);
  }
  print(options.json ? sysctls_json(report) : render_sysctls(report, screen()));
  return exit_code(report.verdict());
}

}  // namespace relinkd::relinkctl
