// SPDX-License-Identifier: Apache-2.0
#include "metrics/process.hpp"

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relinkd::metrics {

namespace {

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

std::optional<double> count_open_fds() {
  // Since Linux 6.2 the directory's size is their number, and no descriptor is needed to read it.
  struct stat st = {};
  if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) return static_cast<double>(st.st_size);
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir("/proc/self/fd"), closedir);
  if (!dir) return std::nullopt;
  double count = -3;                              // ".", "..", and the directory itself
  while (readdir(dir.get()) != nullptr) ++count;  // NOLINT(concurrency-mt-unsafe): own stream
  return count;
}

/// From boot to the start of this process (proc(5): field 22 of /proc/self/stat, in clock ticks),
/// and from the epoch to boot.
std::optional<double> read_start_time() {
  std::ifstream self("/proc/self/stat");
  std::string line;
  std::getline(self, line);
  // The name, field 2, may have spaces and brackets of its own.
  const std::size_t after_name = line.rfind(')');
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(after_name + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;

  std::ifstream system("/proc/stat");
  for (std::string key; system >> key; std::getline(system, skipped)) {
    double boot = 0;
    if (key == "btime" && system >> boot) {
      return boot + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
  }
  return std::nullopt;
}

}  // namespace

ProcessNumbers read_process() {
  ProcessNumbers p;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    p.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) p.max_fds = static_cast<double>(files.rlim_cur);

  double pages = 0;
  double resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident_pages) {
    const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
    p.virtual_memory_bytes = pages * page;
    p.resident_memory_bytes = resident_pages * page;
  }
  p.open_fds = count_open_fds();

  // It does not change, and reading it anew costs a pass over /proc/stat.
  static std::optional<double> start_time;
  if (!start_time) start_time = read_start_time();
  p.start_time_seconds = start_time;
  return p;
}

}  // namespace relinkd::metrics
