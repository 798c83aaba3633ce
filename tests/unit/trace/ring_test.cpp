// SPDX-License-Identifier: Apache-2.0
#include "trace/ring.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace relinkd::trace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kSize = 65536;

/// A file laid out as the kernel maps a ring buffer, with the data written twice as it shows them.
class Writer {
 public:
  Writer() : fd_(memfd_create("ring", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(fd_.get(), static_cast<off_t>(2 * page() + 2 * kSize)), 0);
    memory_ = static_cast<std::byte*>(
        mmap(nullptr, 2 * page() + 2 * kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
  }
  ~Writer() { munmap(memory_, 2 * page() + 2 * kSize); }

  loop::Fd fd() { return loop::Fd(dup(fd_.get())); }

  void write(std::uint64_t cookie, std::uint32_t flags = 0,
             std::size_t length = sizeof(relinkd_record)) {
    relinkd_record record{};
    record.cookie = cookie;
    std::array<std::byte, BPF_RINGBUF_HDR_SZ + sizeof record> bytes{};
    const auto word = static_cast<std::uint32_t>(length) | flags;
    std::memcpy(bytes.data(), &word, sizeof word);
    std::memcpy(bytes.data() + BPF_RINGBUF_HDR_SZ, &record, sizeof record);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::size_t at = (end_ + i) % kSize;
      data()[at] = data()[at + kSize] = bytes[i];
    }
    last_ = end_;
    end_ += (BPF_RINGBUF_HDR_SZ + length + 7) / 8 * 8;
    publish();
  }
  /// What was being written is whole now.
  void finish() {
    std::uint32_t word = 0;
    std::memcpy(&word, &data()[last_ % kSize], sizeof word);
    word &= ~BPF_RINGBUF_BUSY_BIT;
    std::memcpy(&data()[last_ % kSize], &word, sizeof word);
    std::memcpy(&data()[last_ % kSize + kSize], &word, sizeof word);
  }
  unsigned long read_so_far() const {
    unsigned long position = 0;
    std::memcpy(&position, memory_, sizeof position);
    return position;
  }
  unsigned long written() const { return end_; }

 private:
  static std::size_t page() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
  std::byte* data() { return memory_ + 2 * page(); }
  void publish() { std::memcpy(memory_ + page(), &end_, sizeof end_); }

  loop::Fd fd_;
  std::byte* memory_ = nullptr;
  unsigned long end_ = 0, last_ = 0;
};

std::vector<std::uint64_t> drain(Ring& ring, std::size_t most = 1000) {
  std::vector<std::uint64_t> cookies;
  (void)ring.drain(most, [&](const relinkd_record& r) { cookies.push_back(r.cookie); });
  return cookies;
}

TEST(Ring, HandsOverRecordsInOrderAndOnce) {
  Writer writer;
  const auto ring = Ring::map(writer.fd(), kSize);
  ASSERT_TRUE(ring) << ring.error().message;
  EXPECT_THAT(drain(**ring), IsEmpty());
  writer.write(1);
  writer.write(2);
  EXPECT_THAT(drain(**ring), ElementsAre(1, 2));
  EXPECT_EQ(writer.read_so_far(), writer.written()) << "the kernel is told that there is room";
  EXPECT_THAT(drain(**ring), IsEmpty());
  writer.write(3);
  EXPECT_THAT(drain(**ring), ElementsAre(3));
}

TEST(Ring, TakesNoMoreThanAskedFor) {
  Writer writer;
  const auto ring = Ring::map(writer.fd(), kSize);
  for (std::uint64_t i = 1; i <= 5; ++i) writer.write(i);
  EXPECT_THAT(drain(**ring, 2), ElementsAre(1, 2));
  EXPECT_THAT(drain(**ring), ElementsAre(3, 4, 5));
}

TEST(Ring, WaitsForARecordThatIsBeingWritten) {
  Writer writer;
  const auto ring = Ring::map(writer.fd(), kSize);
  writer.write(1);
  writer.write(2, BPF_RINGBUF_BUSY_BIT);
  EXPECT_THAT(drain(**ring), ElementsAre(1));
  writer.finish();
  EXPECT_THAT(drain(**ring), ElementsAre(2));
}

TEST(Ring, PassesOverWhatWasDiscardedOrHasAnotherLength) {
  Writer writer;
  const auto ring = Ring::map(writer.fd(), kSize);
  writer.write(1, BPF_RINGBUF_DISCARD_BIT);
  writer.write(2, 0, sizeof(relinkd_record) - 8);
  writer.write(3);
  EXPECT_THAT(drain(**ring), ElementsAre(3));
}

TEST(Ring, GoesOnAtTheBeginningWhereTheDataEnd) {
  Writer writer;
  const auto ring = Ring::map(writer.fd(), kSize);
  const std::uint64_t rounds = 3 * kSize / sizeof(relinkd_record);
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    writer.write(i);
    ASSERT_THAT(drain(**ring), ElementsAre(i));
  }
}

TEST(Ring, IsAnErrorForADescriptorThatIsNone) {
  loop::Fd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto ring = Ring::map(std::move(nothing), kSize);
  ASSERT_FALSE(ring);
  EXPECT_THAT(ring.error().message, testing::HasSubstr("cannot be mapped"));
}

}  // namespace
}  // namespace relinkd::trace
