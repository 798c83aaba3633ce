// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "control/framing.hpp"
#include "control/message.hpp"
#include "loop/fd.hpp"

namespace relinkd::control {

/// Calls a Varlink method on the control socket at `path` and waits for the answer.
/// `method`: "io.relinkd.GetStatus"; `parameters`: a JSON object as text. Returns the reply's
/// parameters as JSON text. Errors are sentences with the next step ("relinkd is not running: …",
/// "permission denied: …"), code = errno; 0 where relinkd answered, but EPERM where it says that
/// the caller may not.
Result<std::string> call(const std::string& path, const std::string& method,
                         const std::string& parameters, Duration timeout);

/// One connection to the control socket, for a caller that waits for a stream and for the time.
/// Errors as those of call().
class Client {
 public:
  static Result<Client> connect(const std::string& path);

  /// Sends a call. One at a time: the next only after the last reply to this one.
  Result<void> send(const std::string& method, const std::string& parameters, bool more);

  /// The next reply's parameters, or nothing if none has come by `timeout`.
  Result<std::optional<std::string>> receive(Duration timeout);

  /// The last reply said that there will be another.
  [[nodiscard]] bool continues() const { return continues_; }

 private:
  Client(loop::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Result<std::optional<std::string>> take(const std::string& message);

  loop::Fd fd_;
  std::string path_;
  Framing framing_{kMaxReply};
  bool continues_ = false;
};

}  // namespace relinkd::control
