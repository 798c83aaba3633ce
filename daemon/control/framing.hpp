// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace relinkd::control {

/// Cuts a stream of bytes into messages ended by NUL, as Varlink sends them. What it holds is
/// bounded by its owner: no append() while a message waits or is too long.
class Framing {
 public:
  /// `max_message`: bytes without the NUL.
  explicit Framing(std::size_t max_message) : max_message_(max_message) {}

  void append(std::string_view bytes);

  /// The first message, without its NUL, if it is complete and not too long.
  std::optional<std::string> next();

  [[nodiscard]] bool has_message() const { return end_ != kOpen && !too_long(); }
  /// The first message is longer than allowed, whether its end has come or not.
  [[nodiscard]] bool too_long() const {
    return (end_ == kOpen ? buffer_.size() : end_) - start_ > max_message_;
  }
  /// A message has begun that has not ended.
  [[nodiscard]] bool partial() const { return end_ == kOpen && buffer_.size() > start_; }

 private:
  static constexpr std::size_t kOpen = std::string::npos;
  std::size_t max_message_;
  std::string buffer_;
  std::size_t start_ = 0;    ///< of the first message
  std::size_t end_ = kOpen;  ///< of the first message: the place of its NUL
};

}  // namespace relinkd::control
