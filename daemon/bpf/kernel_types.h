/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The kernel structures that the programs read, with those fields only. libbpf finds where each of
 * them is in the running kernel by its BTF (CO-RE), so that order and gaps mean nothing here. */
#pragma once

#include <linux/types.h>

/* bpf_helpers.h names them in types of helpers. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
  union {
    __u8 u6_addr8[16];
  } in6_u;
};

struct ns_common {
  unsigned int inum;
};

struct netns_ipv4 {
  int sysctl_tcp_keepalive_time;
  int sysctl_tcp_keepalive_intvl;
  __u8 sysctl_tcp_keepalive_probes;
};

struct net {
  struct ns_common ns;
  struct netns_ipv4 ipv4;
};

typedef struct {
  struct net* net;
} possible_net_t;

typedef struct {
  long long counter;
} atomic64_t;

struct sock_common {
  __be32 skc_daddr;
  __be32 skc_rcv_saddr;
  __be16 skc_dport;
  unsigned short skc_family;
  unsigned long skc_flags;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
  atomic64_t skc_cookie;
};

struct kernfs_node {
  __u64 id;
};

struct cgroup {
  struct kernfs_node* kn;
};

struct sock_cgroup_data {
  struct cgroup* cgroup;
};

typedef struct {
  unsigned int val;
} kuid_t;

struct sock {
  struct sock_common __sk_common;
  __u16 sk_protocol;
  int sk_err;
  int sk_err_soft;
  kuid_t sk_uid;
  struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
  struct sock sk;
  __be16 inet_sport;
};

struct inet_connection_sock {
  struct inet_sock icsk_inet;
  __u8 icsk_retransmits;
  __u8 icsk_probes_out;
  struct {
    __u32 lrcvtime;
  } icsk_ack;
  __u32 icsk_user_timeout;
};

struct tcp_sock {
  struct inet_connection_sock inet_conn;
  __u64 bytes_received;
  __u64 bytes_acked;
  __u32 rcv_nxt;
  __u32 copied_seq;
  __u32 snd_una;
  __u32 snd_nxt;
  __u32 write_seq;
  __u32 lsndtime;
  __u32 rcv_tstamp;
  __u32 srtt_us;
  __u32 total_retrans;
  unsigned int keepalive_time;
  unsigned int keepalive_intvl;
  __u8 keepalive_probes;
};

struct task_struct {
  unsigned int flags;
  int tgid;
  int exit_code;
};

struct seq_file;

struct bpf_iter_meta {
  struct seq_file* seq;
};

struct bpf_iter__tcp {
  struct bpf_iter_meta* meta;
  struct sock_common* sk_common;
};

enum sock_flags {
  SOCK_KEEPOPEN = 3,
};

#pragma clang attribute pop
