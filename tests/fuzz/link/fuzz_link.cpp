// SPDX-License-Identifier: Apache-2.0
// Bytes as a sequence of events: whatever happens, in whatever order, the state machines keep their
// invariants. The first byte chooses the machine.
#include "story.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  relinkd::fuzz::Bytes bytes({data, size});
  if (bytes.next() % 2 == 0) {
    relinkd::fuzz::tell_link(bytes);
  } else {
    relinkd::fuzz::tell_idle(bytes);
  }
  return 0;
}
