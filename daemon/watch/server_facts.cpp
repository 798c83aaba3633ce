// SPDX-License-Identifier: Apache-2.0
#include "watch/server_facts.hpp"

namespace relinkd::watch {

core::ServerCounters counters_of(const resp::InfoFacts& facts) {
  return {facts.run_id, facts.uptime_seconds, facts.client_kill_calls,
          facts.output_buffer_disconnections};
}

core::ServerIdentity identity_of(const resp::InfoFacts& facts) {
  return {facts.run_id.value_or(""), facts.master_replid.value_or(""),
          facts.master_replid2.value_or(""), facts.uptime_seconds};
}

}  // namespace relinkd::watch
