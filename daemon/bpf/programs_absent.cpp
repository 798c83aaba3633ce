// SPDX-License-Identifier: Apache-2.0
// In the place of programs.cpp where relinkd is built without BPF (RELINKD_BPF).
#include <cerrno>

#include "bpf/programs.hpp"

namespace relinkd::bpf {

struct Programs::State {};

Programs::Programs(std::unique_ptr<State> state) : state_(std::move(state)) {}
Programs::~Programs() = default;

Result<std::unique_ptr<Programs>> Programs::load() {
  return Error{"this relinkd-actuator was built without BPF", ENOTSUP};
}

void Programs::watch(const std::set<std::uint16_t>&) {}
Result<void> Programs::attach() { return {}; }
void Programs::detach() {}
int Programs::ring() const { return -1; }
Result<std::vector<Found>> Programs::walk(std::span<const Wish>) { return std::vector<Found>{}; }

}  // namespace relinkd::bpf
