// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "config/reader.hpp"
#include "config/settings.hpp"

namespace relinkd::config {

/// An endpoint on its way into the settings.
struct Draft {
  Endpoint endpoint;
  Marks marks;  ///< by paths that begin with "endpoint."
};

/// A name, and where it was given.
struct Naming {
  std::string_view name;
  FilePlace at;
};
/// Finds the names that an earlier one of `what` has.
void check_names(std::string_view what, const std::vector<Naming>& names, Findings& findings);

/// What an endpoint's name comes from: the name's mark, or the URL's; null: the default endpoint.
const Mark* name_mark(const Draft& draft);

/// The rules between several keys. A rule is broken by the key that was given last, in the
/// narrower table: [watch] was in order before an endpoint changed half of it. What is compared
/// with a refused value, or with a default that an unreadable file may change, breaks none.
class Rules {
 public:
  /// `marks` are those of all tables but the endpoints and apps, by paths such as
  /// "watch.backoff.max". `all_read`: no file had a syntax error.
  Rules(const Marks& marks, bool all_read, Findings& findings)
      : marks_(marks), all_read_(all_read), findings_(findings) {}

  void check_metrics(const Metrics& metrics);
  void check_watch(const Watch& watch);
  void check_endpoint(const Draft& draft);
  void check_names(const std::vector<Draft>& drafts);

 private:
  struct Operand;
  void check_orders(const Watch& watch, const Marks* endpoint_marks);
  void check_order(const Operand& low, const Operand& high, bool may_be_equal);
  void check_url(const Draft& draft);
  void check_tls(const Draft& draft);
  void check_key_pair(const Marks& marks, std::string_view tls);
  void check_sentinel(const Draft& draft);
  [[nodiscard]] Operand operand(std::string_view key, Duration value,
                                const Marks* endpoint_marks) const;
  void blame(const Operand& culprit, std::string_view relation, const Operand& other);

  const Marks& marks_;
  bool all_read_;
  Findings& findings_;
};

}  // namespace relinkd::config
