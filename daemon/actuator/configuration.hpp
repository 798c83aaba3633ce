// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actuator/gate.hpp"
#include "base/file_version.hpp"
#include "base/result.hpp"

namespace relinkd::actuator {

/// The configuration as its files have it now, and never an older one: while they are bad, nothing
/// is obeyed. Where the program runs as root, the files and all folders on the way to them must be
/// root's and writable for nobody else, since whoever writes them commands root.
class Configuration {
 public:
  /// `main_path`: see files::read_config_files(). Reads nothing yet.
  explicit Configuration(std::string main_path) : main_path_(std::move(main_path)) {}

  /// Reads the files if they are not what they were when they were read last. True if it did.
  /// Asks the kernel for the state of each of them: a few microseconds a file.
  bool refresh();
  /// Has the next refresh() read the files in any case: names of users may mean others now.
  void forget() { known_.clear(); }

  /// The Error, of code 0: why nothing is obeyed, in one line, the first of errors().
  [[nodiscard]] const Result<Gate>& gate() const { return gate_; }
  /// All errors, each with file and line. None: the configuration is valid.
  [[nodiscard]] const std::vector<std::string>& errors() const { return errors_; }

 private:
  using Versions = std::vector<std::pair<std::string, std::optional<FileVersion>>>;
  void read();
  std::string main_path_;
  Versions known_;
  Result<Gate> gate_ = Error{"the configuration has not been read"};
  std::vector<std::string> errors_;
};

/// Whether only root can change what `path` (which exists) leads to: it and every folder on the
/// way, with links and without, is root's and not writable for others; sticky folders may be. The
/// Error names the path that is not.
Result<void> only_root_writes(const std::string& path);

}  // namespace relinkd::actuator
