// SPDX-License-Identifier: Apache-2.0
#include "bpf/programs.hpp"

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hpp"
#include "bpf/sockets.skel.h"
#include "loop/fd.hpp"
#include "trace/record.h"

namespace relinkd::bpf {

namespace {

/// The first thing that libbpf complained of while something was tried: what follows is the
/// verifier's log, and who gives up because of it. It has one log for the whole process.
std::string& first_complaint() {
  static std::string text;
  return text;
}

[[gnu::format(printf, 2, 0)]] int keep_complaint(libbpf_print_level level, const char* format,
                                                 va_list arguments) {
  if (level != LIBBPF_WARN || !first_complaint().empty()) return 0;
  std::array<char, 300> line{};
  (void)std::vsnprintf(line.data(), line.size(), format, arguments);
  std::string_view text(line.data());
  if (text.starts_with("libbpf: ")) text.remove_prefix(8);
  first_complaint() = printable(text.substr(0, text.find('\n')));
  return 0;
}

bool has_btf() { return access("/sys/kernel/btf/vmlinux", R_OK) == 0; }

Error refusal(int code) {
  if (!has_btf()) {
    return {
        "the kernel does not describe its types (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF)",
        ENOTSUP};
  }
  if (code == EPERM || code == EACCES) {
    const std::string said = first_complaint();
    return {"CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed to load the programs" +
                (said.empty() ? "" : " (" + said + ")"),
            code};
  }
  return {fmt::format("the kernel refuses the programs, which need Linux 5.15 or newer: {} ({})",
                      std::generic_category().message(code), first_complaint()),
          code};
}

Duration tick() {
  timespec t{};
  // The coarse clocks move once a tick of the kernel's.
  clock_getres(CLOCK_MONOTONIC_COARSE, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::uint32_t number_of(Duration d, Duration unit) { return static_cast<std::uint32_t>(d / unit); }

}  // namespace

struct Programs::State {
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    bpf_link__destroy(walking);
    sockets_bpf__destroy(skeleton);
  }
  sockets_bpf* skeleton = nullptr;
  bpf_link* walking = nullptr;
  Duration tick{};
};

Programs::Programs(std::unique_ptr<State> state) : state_(std::move(state)) {}
Programs::~Programs() = default;

Result<std::unique_ptr<Programs>> Programs::load() {
  libbpf_set_print(keep_complaint);
  first_complaint().clear();
  struct stat here {};
  if (stat("/proc/self/ns/net", &here) != 0) {
    return system_error(errno, "cannot tell in which network namespace this is");
  }
  struct stat pids {};
  if (stat("/proc/self/ns/pid", &pids) != 0) {
    return system_error(errno, "cannot tell in which pid namespace this is");
  }
  auto state = std::make_unique<State>();
  state->tick = relinkd::bpf::tick();
  state->skeleton = sockets_bpf__open();
  if (state->skeleton == nullptr) return refusal(errno);
  state->skeleton->rodata->wanted_netns = static_cast<std::uint32_t>(here.st_ino);
  state->skeleton->rodata->pidns_device = pids.st_dev;
  state->skeleton->rodata->pidns_inode = pids.st_ino;
  state->skeleton->rodata->tick_ns = number_of(state->tick, 1ns);
  if (const int failed = sockets_bpf__load(state->skeleton); failed != 0) return refusal(-failed);
  state->walking = bpf_program__attach_iter(state->skeleton->progs.tune, nullptr);
  if (state->walking == nullptr) return refusal(errno);
  return std::unique_ptr<Programs>(new Programs(std::move(state)));
}

void Programs::watch(const std::set<std::uint16_t>& ports) {
  auto& watched = state_->skeleton->bss->watched_ports;
  for (std::size_t port = 0; port < std::size(watched); ++port) {
    watched[port] = ports.contains(static_cast<std::uint16_t>(port)) ? 1 : 0;
  }
}

Result<void> Programs::attach() {
  auto* s = state_->skeleton;
  const auto attach_one = [](bpf_link*& link, const bpf_program* program) {
    if (link == nullptr) link = bpf_program__attach(program);
    return link != nullptr;
  };
  if (attach_one(s->links.on_state, s->progs.on_state) &&
      attach_one(s->links.on_retransmit, s->progs.on_retransmit)) {
    return {};
  }
  const int code = errno;
  detach();
  return refusal(code);
}

void Programs::detach() {
  auto& links = state_->skeleton->links;
  bpf_link__destroy(std::exchange(links.on_state, nullptr));
  bpf_link__destroy(std::exchange(links.on_retransmit, nullptr));
}

int Programs::ring() const { return bpf_map__fd(state_->skeleton->maps.ring); }

Result<std::vector<Found>> Programs::walk(std::span<const Wish> wishes) {
  const int map = bpf_map__fd(state_->skeleton->maps.wishes);
  std::vector<Found> found;
  Result<void> done;
  for (const Wish& w : wishes) {
    relinkd_wish entry{};
    if (w.set) {
      entry.set = 1;
      entry.keepalive = w.set->keepalive ? 1 : 0;
      entry.idle_seconds = number_of(w.set->idle, 1s);
      entry.interval_seconds = number_of(w.set->interval, 1s);
      entry.count = static_cast<std::uint32_t>(w.set->count);
      entry.user_timeout_ms = number_of(w.set->user_timeout, 1ms);
    }
    if (bpf_map_update_elem(map, &w.cookie, &entry, BPF_ANY) != 0) {
      done = system_error(errno, "the kernel does not take the list of sockets");
      break;
    }
  }
  if (done) done = read_walk(found);
  for (const Wish& w : wishes) bpf_map_delete_elem(map, &w.cookie);
  if (!done) return done.error();
  return found;
}

Result<void> Programs::read_walk(std::vector<Found>& found) {
  const loop::Fd walk(bpf_iter_create(bpf_link__fd(state_->walking)));
  if (!walk) return system_error(errno, "the kernel's sockets cannot be walked");
  // A read ends between two sockets' records where the buffer has room for whole ones.
  std::array<relinkd_tuned, 256> records;
  for (;;) {
    const ssize_t n = read(walk.get(), records.data(), sizeof records);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return system_error(errno, "the walk over the kernel's sockets failed");
    if (n == 0) return {};
    if (static_cast<std::size_t>(n) % sizeof(relinkd_tuned) != 0) {
      return Error{"the walk over the kernel's sockets gave half a record"};
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) / sizeof(relinkd_tuned); ++i) {
      const relinkd_tuned& r = records[i];
      Found f;
      f.cookie = r.cookie;
      f.cgroup = r.cgroup;
      f.uid = r.uid;
      f.remote_port = r.remote_port;
      f.failed = static_cast<int>(r.failed);
      f.now.keepalive = r.now.keepalive != 0;
      f.now.idle = state_->tick * static_cast<std::int64_t>(r.now.idle);
      f.now.interval = state_->tick * static_cast<std::int64_t>(r.now.interval);
      f.now.count = static_cast<int>(r.now.count);
      f.now.user_timeout = std::chrono::milliseconds(r.now.user_timeout_ms);
      found.push_back(f);
    }
  }
}

}  // namespace relinkd::bpf
