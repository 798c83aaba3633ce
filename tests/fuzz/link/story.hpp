// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "base/time.hpp"

namespace relinkd::fuzz {

/// Bytes as a source of choices; zero when they are used up.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> data) : data_(data) {}
  [[nodiscard]] bool empty() const { return at_ >= data_.size(); }
  std::uint8_t next() { return empty() ? 0 : data_[at_++]; }
  /// One of `count` values of an enum that counts from 0.
  template <typename Enum>
  Enum pick(unsigned count) {
    return static_cast<Enum>(next() % count);
  }

 private:
  std::span<const std::uint8_t> data_;
  std::size_t at_ = 0;
};

[[noreturn]] inline void fail(const std::string& broken, const std::string& step) {
  std::fprintf(stderr, "%s\nafter: %s\n", broken.c_str(), step.c_str());
  std::abort();
}

inline void require(bool holds, const char* rule, const std::string& step) {
  if (!holds) fail(rule, step);
}

/// The bytes as events for a core::LinkMachine, and for a core::IdleMachine.
void tell_link(Bytes bytes);
void tell_idle(Bytes bytes);

}  // namespace relinkd::fuzz
