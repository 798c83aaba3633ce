// SPDX-License-Identifier: Apache-2.0
// Anybody who may publish can send anything to a channel. The first line is the channel, the rest
// the payload, which is also read as one of Azure's.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "resp/pubsub.hpp"
#include "resp/sentinel.hpp"

namespace {

using relinkd::HostPort;
using relinkd::core::Announcement;
using relinkd::core::SentinelEvent;
using Kind = SentinelEvent::Kind;
using Subject = SentinelEvent::Subject;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void judge_word(std::string_view word) {
  require(!word.empty() && word.size() <= 255 && is_printable(word));
  require(word.find(' ') == std::string_view::npos);
}

void judge_address(const HostPort& where) {
  judge_word(where.host);
  require(where.port != 0);
}

void judge_event(const SentinelEvent& event, std::string_view payload) {
  const bool is_tilt = event.kind == Kind::Tilt || event.kind == Kind::TiltGone;
  require((event.subject == Subject::None) == is_tilt);
  require(event.primary.has_value() == (event.kind == Kind::SwitchMaster));
  if (is_tilt) {
    require(event.primary_name.empty() && event.where == HostPort{});
    return;
  }
  judge_word(event.primary_name);
  require(payload.find(event.primary_name) != std::string_view::npos);
  judge_address(event.where);
  if (event.primary) judge_address(*event.primary);
}

void judge_announcement(const Announcement& event, std::string_view payload) {
  // Cut, and marked with an ellipsis, where it is too long.
  require(!event.raw_type.empty() && event.raw_type.size() <= 123);
  if (!event.node.empty()) judge_word(event.node);
  // A time that was read writes itself as it was written.
  if (event.starts) {
    const auto text = relinkd::to_iso8601(*event.starts).substr(0, 19);
    require(payload.find(text) != std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view channel = input.substr(0, end);
  const std::string_view payload = input.substr(std::min(end + 1, input.size()));

  const auto event = relinkd::resp::parse_sentinel_event(channel, payload);
  const auto kind = relinkd::core::kSentinelEventNames.find(channel);
  if (event) {
    require(event->has_value() == kind.has_value());
    if (*event) judge_event(**event, payload);
  } else {
    require(kind.has_value() && event.error().message.size() < 250);
  }
  if (const auto announcement = relinkd::resp::parse_azure_event(payload)) {
    judge_announcement(*announcement, payload);
  }
  return 0;
}
