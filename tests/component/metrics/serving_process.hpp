// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <sys/types.h>

#include "loop/fd.hpp"
#include "metrics/http_server.hpp"

namespace relinkd::metrics {

/// A process that serves the metrics of some endpoints, and nothing else. It is a process of its
/// own so that its descriptors, its memory and its processor time are the server's alone.
class ServingProcess {
 public:
  struct Options {
    int endpoints = 2;
    std::string listen = "127.0.0.1:0";
    HttpLimits limits{};
  };
  ServingProcess() : ServingProcess(Options{}) {}
  explicit ServingProcess(const Options& options);
  ServingProcess(const ServingProcess&) = delete;
  ServingProcess& operator=(const ServingProcess&) = delete;
  /// Ends it in order, and fails the test if it did not end well or wrote to standard error.
  ~ServingProcess();

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Makes the process open files until it has no descriptor left; lets them go again.
  void use_up_descriptors();
  void release_descriptors();

  [[nodiscard]] int open_descriptors() const;
  [[nodiscard]] double cpu_seconds() const;
  [[nodiscard]] std::int64_t resident_kilobytes() const;

 private:
  std::string read_line();

  pid_t pid_ = -1;
  std::string url_;
  std::uint16_t port_ = 0;
  loop::Fd orders_;
  loop::Fd answers_;
  loop::Fd stderr_;
};

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;                            ///< without the chunks' framing
  bool complete = false;                       ///< as long as it said it would be
};

/// A client's connection, blocking, with a patience of 60 s.
class Client {
 public:
  /// `from`: the source address; any of 127.0.0.0/8 works.
  explicit Client(std::uint16_t port, const char* from = "127.0.0.1");

  /// False if the server has closed.
  bool send(const std::string& bytes);
  /// Reads one reply. `has_body`: false after HEAD.
  Reply read_reply(bool has_body = true);
  Reply get(const std::string& path) {
    send("GET " + path + " HTTP/1.1\r\nHost: relinkd\r\n\r\n");
    return read_reply();
  }
  /// Everything until the server closes, or nothing has come for 60 s.
  std::string read_rest();
  /// Reads and drops everything until the server closes; false if it does not.
  bool wait_for_close();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  bool fill();
  std::string take(std::size_t n, bool& complete);
  std::string take_line(bool& complete);

  loop::Fd fd_;
  std::string buffer_;
};

}  // namespace relinkd::metrics
