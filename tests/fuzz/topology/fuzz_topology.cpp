// SPDX-License-Identifier: Apache-2.0
// Bytes as a sequence of what servers say of each other: whatever they claim, what is believed
// keeps its invariants. The first byte chooses the machine.
#include "stories.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  relinkd::fuzz::Bytes bytes({data, size});
  switch (bytes.next() % 3) {
    case 0: relinkd::fuzz::tell_quorum(bytes); break;
    case 1: relinkd::fuzz::tell_cluster(bytes); break;
    default: relinkd::fuzz::tell_failover(bytes); break;
  }
  return 0;
}
