// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "metrics/render.hpp"

namespace relinkd::metrics {

/// Endpoints, apps and the numbers that point to them.
struct World {
  std::deque<EndpointNumbers> endpoints;
  std::deque<AppNumbers> apps;
  Numbers numbers;

  EndpointNumbers& add(std::string name) {
    EndpointNumbers& e = endpoints.emplace_back();
    e.endpoint = std::move(name);
    numbers.endpoints.push_back(&e);
    return e;
  }
  AppNumbers& add_app(std::string name, const std::vector<std::string>& to) {
    AppNumbers& a = apps.emplace_back();
    a.app = std::move(name);
    for (const std::string& endpoint : to) a.endpoints.emplace_back().endpoint = endpoint;
    numbers.apps.push_back(&a);
    return a;
  }
};

inline std::string text_of(const Numbers& numbers) {
  std::string text;
  Scrape scrape(numbers);
  for (std::string piece; !(piece = scrape.next()).empty();) text += piece;
  return text;
}

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto l : split(text, '\n')) {
    if (!l.empty()) lines.emplace_back(l);
  }
  return lines;
}

/// The series of one family, without HELP and TYPE.
inline std::vector<std::string> series_of(const Numbers& numbers, const std::string& family) {
  std::vector<std::string> found;
  bool inside = false;
  for (auto& l : lines_of(text_of(numbers))) {
    if (l.starts_with("# TYPE ")) inside = l.starts_with("# TYPE " + family + " ");
    if (inside && !l.starts_with('#')) found.push_back(std::move(l));
  }
  return found;
}

}  // namespace relinkd::metrics
