// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "metrics/numbers.hpp"
#include "metrics/process.hpp"

namespace relinkd::metrics {

/// One scrape: every metric family in Prometheus' text format (version 0.0.4), built from the
/// numbers as they are when each piece is asked for. In pieces, since all series of 1,000
/// endpoints are 7 MB, which no slow reader may make relinkd hold, and since a probe must not wait
/// until all of them are written. A piece never parts the series that a family has of one endpoint
/// or app: exactly one condition of it is 1.
class Scrape {
 public:
  /// `numbers` must outlive the scrape. Its endpoints and apps may change between pieces: those
  /// that have gone have no further series, those that came wait for the next scrape.
  explicit Scrape(const Numbers& numbers);

  /// The next piece, of about 32 KB; empty when all is told.
  std::string next();

 private:
  /// An app's endpoint as of the start; by its name, since a reload may put it elsewhere.
  struct AppEndpoint {
    const AppNumbers* app;
    std::string endpoint;
    std::size_t at;  ///< where it stood
    /// Where it is now; null if it has gone. The app must be there.
    [[nodiscard]] const AppEndpointNumbers* find() const;
  };

  const Numbers& numbers_;
  ProcessNumbers process_;
  /// As of the start. Pointers to what is gone are compared, never followed.
  std::vector<const EndpointNumbers*> endpoints_;
  std::vector<const AppNumbers*> apps_;
  std::vector<AppEndpoint> app_endpoints_;
  std::size_t family_ = 0;   ///< the next one, or the one that is under way
  std::size_t item_ = 0;     ///< endpoint, app or app's endpoint, in that family
  bool has_header_ = false;  ///< that family
};

}  // namespace relinkd::metrics
