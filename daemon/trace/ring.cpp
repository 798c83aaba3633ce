// SPDX-License-Identifier: Apache-2.0
#include "trace/ring.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace relinkd::trace {

namespace {

/// Before each record: its length, with two bits that say what it is, and the kernel's own word.
constexpr std::size_t kHeader = BPF_RINGBUF_HDR_SZ;
constexpr std::size_t kAlignment = 8;

std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

using Position = unsigned long;

Position load(const void* at) {
  // The kernel writes it, so that nothing here may say const or hold it in a register.
  return std::atomic_ref<Position>(*static_cast<Position*>(const_cast<void*>(at)))
      .load(std::memory_order_acquire);
}

std::uint32_t load_length(const std::byte* at) {
  return std::atomic_ref<std::uint32_t>(
             *reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(at)))
      .load(std::memory_order_acquire);
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::map(loop::Fd fd, std::size_t size) {
  void* consumer = mmap(nullptr, page(), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (consumer == MAP_FAILED) return system_error(errno, "the ring buffer cannot be mapped");
  void* producer =
      mmap(nullptr, page() + 2 * size, PROT_READ, MAP_SHARED, fd.get(), static_cast<off_t>(page()));
  if (producer == MAP_FAILED) {
    const int code = errno;
    munmap(consumer, page());
    return system_error(code, "the ring buffer's data cannot be mapped");
  }
  return std::unique_ptr<Ring>(new Ring(std::move(fd), size, consumer, producer));
}

Ring::Ring(loop::Fd fd, std::size_t size, void* consumer, const void* producer)
    : fd_(std::move(fd)), size_(size), consumer_(consumer), producer_(producer) {}

Ring::~Ring() {
  munmap(consumer_, page());
  munmap(const_cast<void*>(producer_), page() + 2 * size_);
}

std::size_t Ring::drain(std::size_t most, const std::function<void(const relinkd_record&)>& take) {
  const auto* data = static_cast<const std::byte*>(producer_) + page();
  Position read = load(consumer_);
  std::size_t taken = 0;
  while (taken < most && read < load(producer_)) {
    const std::byte* at = data + (read & (size_ - 1));
    const std::uint32_t word = load_length(at);
    if ((word & BPF_RINGBUF_BUSY_BIT) != 0) break;  // it is being written
    const std::size_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    relinkd_record record;
    const bool whole = (word & BPF_RINGBUF_DISCARD_BIT) == 0 && length == sizeof record;
    if (whole) std::memcpy(&record, at + kHeader, sizeof record);
    read += (kHeader + length + kAlignment - 1) / kAlignment * kAlignment;
    std::atomic_ref<Position>(*static_cast<Position*>(consumer_))
        .store(read, std::memory_order_release);
    ++taken;
    if (whole) take(record);
  }
  return taken;
}

}  // namespace relinkd::trace
