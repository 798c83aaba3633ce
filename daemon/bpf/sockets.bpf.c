// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The programs that run in the kernel, loaded by relinkd-actuator.
 *
 * on_state and on_retransmit tell of connections that this host opens to watched ports, in one
 * network namespace, through a ring buffer. tune reads and sets what looks after sockets that are
 * named by their cookies.
 */
#include "bpf/kernel_types.h"

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "trace/record.h"

/* netinet/tcp.h, linux/socket.h, linux/sched.h, asm-generic/socket.h: what never changes. */
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define PF_EXITING 0x4
#define SOL_SOCKET 1
#define SO_KEEPALIVE 9
#define SOL_TCP 6
#define TCP_KEEPIDLE 4
#define TCP_KEEPINTVL 5
#define TCP_KEEPCNT 6
#define TCP_USER_TIMEOUT 18

/* Set before the programs are loaded. */
const volatile __u32 wanted_netns = 0;
const volatile __u32 tick_ns = 0;
/* The pid namespace of whom pids are told, as stat(2) tells its file. */
const volatile __u64 pidns_device = 0, pidns_inode = 0;

/* By port number, host order: not 0 where connections to it are told of. */
__u8 watched_ports[65536] = {};
/* Records that found no room in the ring. */
__u64 lost = 0;

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, RELINKD_RING_SIZE);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __u64);
  __type(value, struct relinkd_wish);
} wishes SEC(".maps");

static __always_inline int is_watched(struct sock *sk) {
  const __u16 port = bpf_ntohs(sk->__sk_common.skc_dport);
  return watched_ports[port] != 0 && sk->__sk_common.skc_net.net->ns.inum == wanted_netns &&
         sk->sk_protocol == IPPROTO_TCP;
}

static __always_inline __u64 since(__u32 ticks_now, __u32 then) {
  const __s32 passed = (__s32)(ticks_now - then);
  return passed > 0 ? (__u64)passed * tick_ns : 0;
}

static __always_inline void put_places(struct relinkd_record *r, struct tcp_sock *tp) {
  struct sock_common *c = &tp->inet_conn.icsk_inet.sk.__sk_common;
  r->family = c->skc_family;
  r->remote_port = bpf_ntohs(c->skc_dport);
  /* skc_num is 0 by the time of TCP_CLOSE. */
  r->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
  if (r->family == AF_INET) {
    const __be32 local = c->skc_rcv_saddr, remote = c->skc_daddr;
    __builtin_memcpy(r->local, &local, sizeof local);
    __builtin_memcpy(r->remote, &remote, sizeof remote);
  } else if (bpf_core_field_exists(c->skc_v6_daddr)) {
    bpf_core_read(r->local, sizeof r->local, &c->skc_v6_rcv_saddr);
    bpf_core_read(r->remote, sizeof r->remote, &c->skc_v6_daddr);
  }
}

static __always_inline void put_task(struct relinkd_record *r) {
  struct task_struct *task = bpf_get_current_task_btf();
  r->pid = task->tgid;
  struct bpf_pidns_info pid = {};
  /* Of a process in another pid namespace it stays as the host knows it. */
  if (bpf_get_ns_current_pid_tgid(pidns_device, pidns_inode, &pid, sizeof pid) == 0) {
    r->pid = pid.tgid;
  }
  r->exiting = (task->flags & PF_EXITING) != 0;
  r->exit_code = task->exit_code;
  bpf_get_current_comm(r->comm, sizeof r->comm);
}

static __always_inline int tell(struct sock *sk, __u32 kind, int state) {
  struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
  if (tp == NULL) return 0;
  struct relinkd_record *r = bpf_ringbuf_reserve(&ring, sizeof *r, 0);
  if (r == NULL) {
    __sync_fetch_and_add(&lost, 1);
    return 0;
  }
  __builtin_memset(r, 0, sizeof *r);
  const __u32 ticks = (__u32)bpf_jiffies64();
  r->at = bpf_ktime_get_ns();
  r->lost = lost;
  r->cookie = bpf_get_socket_cookie(sk);
  struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;
  if (cgroup != NULL) r->cgroup = cgroup->kn->id;
  r->kind = kind;
  r->uid = sk->sk_uid.val;
  r->error = sk->sk_err;
  r->soft_error = sk->sk_err_soft;
  r->state = (__u8)state;
  r->since_sent = since(ticks, tp->lsndtime);
  r->since_received = since(ticks, tp->inet_conn.icsk_ack.lrcvtime);
  r->since_ack = since(ticks, tp->rcv_tstamp);
  r->bytes_acked = tp->bytes_acked;
  r->bytes_received = tp->bytes_received;
  r->unacked_bytes = tp->snd_nxt - tp->snd_una;
  r->unsent_bytes = tp->write_seq - tp->snd_nxt;
  r->unread_bytes = tp->rcv_nxt - tp->copied_seq;
  r->total_retrans = tp->total_retrans;
  r->rtt_us = tp->srtt_us >> 3;
  r->retransmits = tp->inet_conn.icsk_retransmits;
  r->probes_out = tp->inet_conn.icsk_probes_out;
  r->user_timeout_ms = tp->inet_conn.icsk_user_timeout;
  r->keepalive = (sk->__sk_common.skc_flags >>
                  bpf_core_enum_value(enum sock_flags, SOCK_KEEPOPEN)) & 1;
  put_places(r, tp);
  put_task(r);
  bpf_ringbuf_submit(r, 0);
  return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old_state, int new_state) {
  __u32 kind = 0;
  if (old_state == TCP_ESTABLISHED) {
    kind = RELINKD_ENDED;
  } else if (old_state == TCP_SYN_SENT && new_state == TCP_ESTABLISHED) {
    kind = RELINKD_CONNECTED;
  } else if (old_state == TCP_SYN_SENT && new_state == TCP_CLOSE) {
    kind = RELINKD_CONNECT_FAILED;
  } else if (new_state == TCP_SYN_SENT) {
    kind = RELINKD_CONNECTING;
  } else {
    return 0;
  }
  if (!is_watched(sk)) return 0;
  return tell(sk, kind, new_state);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk) {
  if (!is_watched(sk)) return 0;
  return tell(sk, RELINKD_RETRANSMITTED, 0);
}

static __always_inline void look(struct tcp_sock *tp, struct relinkd_options *o) {
  struct sock *sk = &tp->inet_conn.icsk_inet.sk;
  struct net *net = sk->__sk_common.skc_net.net;
  o->idle = tp->keepalive_time;
  if (o->idle == 0) o->idle = (__u32)net->ipv4.sysctl_tcp_keepalive_time;
  o->interval = tp->keepalive_intvl;
  if (o->interval == 0) o->interval = (__u32)net->ipv4.sysctl_tcp_keepalive_intvl;
  o->count = tp->keepalive_probes;
  if (o->count == 0) o->count = net->ipv4.sysctl_tcp_keepalive_probes;
  o->user_timeout_ms = tp->inet_conn.icsk_user_timeout;
  o->keepalive =
      (sk->__sk_common.skc_flags >> bpf_core_enum_value(enum sock_flags, SOCK_KEEPOPEN)) & 1;
}

static __always_inline int set(struct tcp_sock *tp, int level, int name, int value, int failed) {
  const long result = bpf_setsockopt(tp, level, name, &value, sizeof value);
  return failed != 0 ? failed : (int)-result;
}

SEC("iter/tcp")
int tune(struct bpf_iter__tcp *ctx) {
  struct sock_common *c = ctx->sk_common;
  if (c == NULL) return 0;
  if (watched_ports[bpf_ntohs(c->skc_dport)] == 0) return 0;
  const __u64 cookie = (__u64)c->skc_cookie.counter;
  struct relinkd_wish *wish = bpf_map_lookup_elem(&wishes, &cookie);
  if (wish == NULL) return 0;
  struct tcp_sock *tp = bpf_skc_to_tcp_sock(c);
  if (tp == NULL) return 0;
  struct sock *sk = &tp->inet_conn.icsk_inet.sk;
  struct relinkd_tuned t = {};
  t.cookie = cookie;
  struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;
  if (cgroup != NULL) t.cgroup = cgroup->kn->id;
  t.uid = sk->sk_uid.val;
  t.remote_port = bpf_ntohs(c->skc_dport);
  if (wish->set) {
    /* The times first, so that the timer that SO_KEEPALIVE starts is the right one at once. */
    int failed = 0;
    failed = set(tp, SOL_TCP, TCP_KEEPIDLE, wish->idle_seconds, failed);
    failed = set(tp, SOL_TCP, TCP_KEEPINTVL, wish->interval_seconds, failed);
    failed = set(tp, SOL_TCP, TCP_KEEPCNT, wish->count, failed);
    failed = set(tp, SOL_TCP, TCP_USER_TIMEOUT, wish->user_timeout_ms, failed);
    failed = set(tp, SOL_SOCKET, SO_KEEPALIVE, wish->keepalive, failed);
    t.failed = failed;
  }
  look(tp, &t.now);
  bpf_seq_write(ctx->meta->seq, &t, sizeof t);
  return 0;
}

char kLicence[] SEC("license") = "GPL";
