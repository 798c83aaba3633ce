// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace relinkd::sim {

/// How much of the default amount to simulate: RELINKD_SIM_SCALE, a number; 1 if it is not set.
/// The default fits a debug build under sanitizers; rates of rare events need 100 and more.
double scale();

/// `count` of something, scaled, at least `least`.
int scaled(int count, int least = 1);

}  // namespace relinkd::sim
