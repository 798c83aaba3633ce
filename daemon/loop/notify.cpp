// SPDX-License-Identifier: Apache-2.0
#include "loop/notify.hpp"

#include <chrono>

#include <systemd/sd-daemon.h>

#include "loop/loop.hpp"

namespace relinkd::loop {

void notify_ready(const std::string& status) {
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void notify_status(const std::string& status) { sd_notify(0, ("STATUS=" + status).c_str()); }

void notify_reloading() {
  const auto usec =
      std::chrono::duration_cast<std::chrono::microseconds>(Loop::clock().time_since_epoch());
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec.count())).c_str());
}

void notify_stopping() { sd_notify(0, "STOPPING=1\nSTATUS=Stopping"); }

}  // namespace relinkd::loop
