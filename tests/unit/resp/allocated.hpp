// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RELINKD_SANITIZER_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RELINKD_SANITIZER_ALLOCATOR 1
#endif
#endif

#ifdef RELINKD_SANITIZER_ALLOCATOR
// Of <sanitizer/allocator_interface.h>, which Debian's g++ does not bring.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // NOLINT
#else
#include <malloc.h>
#endif

namespace relinkd {

/// Bytes that the program has allocated at this moment.
inline std::size_t allocated_bytes() {
#ifdef RELINKD_SANITIZER_ALLOCATOR
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace relinkd
