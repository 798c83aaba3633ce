// SPDX-License-Identifier: Apache-2.0
#include "control/framing.hpp"

namespace relinkd::control {

void Framing::append(std::string_view bytes) {
  // Only here, not in next(): many small messages in one buffer are then moved once.
  buffer_.erase(0, start_);
  if (end_ != kOpen) end_ -= start_;
  start_ = 0;
  const std::size_t searched = buffer_.size();
  buffer_ += bytes;
  if (end_ == kOpen) end_ = buffer_.find('\0', searched);
}

std::optional<std::string> Framing::next() {
  if (!has_message()) return std::nullopt;
  std::string message = buffer_.substr(start_, end_ - start_);
  start_ = end_ + 1;
  end_ = buffer_.find('\0', start_);
  return message;
}

}  // namespace relinkd::control
