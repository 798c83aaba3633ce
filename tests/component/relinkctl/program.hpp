// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/wait.h>

namespace relinkd::testing {

struct Outcome {
  int code = -1;
  std::string out;  ///< standard output
  std::string err;  ///< standard error
};

/// A running relinkctl; `program` may say as whom.
class Program {
 public:
  Program(const std::string& arguments, std::filesystem::path err,
          const std::string& program = RELINKCTL)
      : err_(std::move(err)),
        // NOLINTNEXTLINE(cert-env33-c): a test's own words
        pipe_(popen((program + " " + arguments + " 2>" + err_.string()).c_str(), "r")) {
    if (pipe_ == nullptr) throw std::runtime_error("popen");
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pipe_ != nullptr) pclose(pipe_);
  }

  /// The next line with its end; empty at the end of the output.
  std::string line() {
    std::string text;
    for (int c = 0; (c = std::fgetc(pipe_)) != EOF;) {
      text += static_cast<char>(c);
      if (c == '\n') break;
    }
    return text;
  }

  /// Waits for its end.
  Outcome finish() {
    Outcome outcome;
    for (std::string text = line(); !text.empty(); text = line()) outcome.out += text;
    const int status = pclose(std::exchange(pipe_, nullptr));
    outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::ifstream err(err_);
    outcome.err.assign(std::istreambuf_iterator<char>(err), {});
    return outcome;
  }

 private:
  std::filesystem::path err_;
  std::FILE* pipe_;
};

}  // namespace relinkd::testing
