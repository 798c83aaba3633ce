/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the programs in the kernel write into the ring buffer: one record an event, of one layout
 * for the programs (C, -target bpf) and for relinkd, which reads it (C++). Both are of the same
 * build. */
#pragma once

#ifdef __cplusplus
#include <cstdint>
#define RELINKD_U8 std::uint8_t
#define RELINKD_U16 std::uint16_t
#define RELINKD_U32 std::uint32_t
#define RELINKD_U64 std::uint64_t
#else
#define RELINKD_U8 __u8
#define RELINKD_U16 __u16
#define RELINKD_U32 __u32
#define RELINKD_U64 __u64
#endif

/* Bytes of the ring buffer: a power of two, and whole pages. Some 5,400 records. */
#define RELINKD_RING_SIZE 1048576

enum relinkd_record_kind {
  RELINKD_CONNECTING = 1,
  RELINKD_CONNECTED = 2,
  RELINKD_CONNECT_FAILED = 3,
  RELINKD_ENDED = 4,
  RELINKD_RETRANSMITTED = 5,
};

struct relinkd_record {
  RELINKD_U64 at;     /* CLOCK_MONOTONIC, ns */
  RELINKD_U64 lost;   /* records before this one that found no room */
  RELINKD_U64 cookie; /* SO_COOKIE */
  RELINKD_U64 cgroup; /* id; 0: none */
  RELINKD_U64 since_sent, since_received, since_ack; /* ns, in steps of the kernel's tick */
  RELINKD_U64 bytes_acked, bytes_received;
  RELINKD_U32 kind;
  RELINKD_U32 uid;
  RELINKD_U32 pid; /* of the process that runs, in the actuator's pid namespace if it is there */
  RELINKD_U32 exit_code; /* of it, as wait(2) tells it, where it ends */
  RELINKD_U32 error, soft_error;
  RELINKD_U32 unacked_bytes, unsent_bytes, unread_bytes;
  RELINKD_U32 total_retrans;
  RELINKD_U32 rtt_us;
  RELINKD_U32 user_timeout_ms;
  RELINKD_U16 family;                  /* AF_INET, AF_INET6 */
  RELINKD_U16 local_port, remote_port; /* host order */
  RELINKD_U8 state;                    /* that was entered */
  RELINKD_U8 retransmits, probes_out;
  RELINKD_U8 exiting, keepalive;
  RELINKD_U8 local[16], remote[16]; /* network order; IPv4: the first four bytes */
  char comm[16];
};

/* What the iterator tells of a socket, and what it is to set. Times in the kernel's ticks, but
 * user_timeout in milliseconds. */
struct relinkd_options {
  RELINKD_U64 idle, interval;
  RELINKD_U32 count;
  RELINKD_U32 user_timeout_ms;
  RELINKD_U32 keepalive;
  RELINKD_U32 unused;
};

/* By cookie: what to do with the socket. */
struct relinkd_wish {
  RELINKD_U32 set; /* 0: only look */
  RELINKD_U32 keepalive, idle_seconds, interval_seconds, count, user_timeout_ms;
};

struct relinkd_tuned {
  RELINKD_U64 cookie;
  RELINKD_U64 cgroup;
  RELINKD_U32 uid;
  RELINKD_U32 failed; /* errno of what could not be set; 0 */
  RELINKD_U16 remote_port;
  RELINKD_U16 unused[3];
  struct relinkd_options now;
};
