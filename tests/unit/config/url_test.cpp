// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

namespace relinkd::config::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using Scheme = Url::Scheme;

Url url(Scheme scheme, const char* user, const char* host, std::uint16_t port,
        const char* path = "") {
  return {.scheme = scheme, .user = user, .host = host, .port = port, .path = path};
}

struct Good {
  const char* text;
  Url want;
  const char* canonical;
  const char* host_port;
};
void PrintTo(const Good& good, std::ostream* out) { *out << good.text; }

class GoodUrl : public testing::TestWithParam<Good> {};

TEST_P(GoodUrl, IsTakenApartAndWrittenAgain) {
  const Good& p = GetParam();
  const Result<Url> parsed = parse_url(p.text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, p.want);
  EXPECT_EQ(parsed->to_string(), p.canonical);
  EXPECT_EQ(parsed->host_port(), p.host_port);

  const Result<Url> again = parse_url(p.canonical);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *parsed);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodUrl,
    testing::Values(
        Good{"redis://host", url(Scheme::Redis, "", "host", 6379), "redis://host:6379",
             "host:6379"},
        Good{"rediss://host", url(Scheme::Rediss, "", "host", 6379), "rediss://host:6379",
             "host:6379"},
        Good{"redis://host:1", url(Scheme::Redis, "", "host", 1), "redis://host:1", "host:1"},
        Good{"redis://host:65535", url(Scheme::Redis, "", "host", 65535), "redis://host:65535",
             "host:65535"},
        Good{"rediss://relinkd@sessions.example.net:6380",
             url(Scheme::Rediss, "relinkd", "sessions.example.net", 6380),
             "rediss://relinkd@sessions.example.net:6380", "sessions.example.net:6380"},
        Good{"redis://10.0.0.7", url(Scheme::Redis, "", "10.0.0.7", 6379), "redis://10.0.0.7:6379",
             "10.0.0.7:6379"},
        Good{"redis://[::1]", url(Scheme::Redis, "", "::1", 6379), "redis://[::1]:6379",
             "[::1]:6379"},
        Good{"redis://[2001:DB8:0::0001]:7000", url(Scheme::Redis, "", "2001:db8::1", 7000),
             "redis://[2001:db8::1]:7000", "[2001:db8::1]:7000"},
        Good{"redis://[::ffff:10.0.0.7]", url(Scheme::Redis, "", "10.0.0.7", 6379),
             "redis://10.0.0.7:6379", "10.0.0.7:6379"},
        Good{"redis://user@[::1]:7000", url(Scheme::Redis, "user", "::1", 7000),
             "redis://user@[::1]:7000", "[::1]:7000"},
        Good{"redis://my_redis-1.svc.cluster.local.",
             url(Scheme::Redis, "", "my_redis-1.svc.cluster.local.", 6379),
             "redis://my_redis-1.svc.cluster.local.:6379", "my_redis-1.svc.cluster.local.:6379"},
        Good{"redis://a%40b%3Ac%2fd%25@host", url(Scheme::Redis, "a@b:c/d%", "host", 6379),
             "redis://a%40b%3Ac%2Fd%25@host:6379", "host:6379"},
        Good{"unix:///run/redis/redis.sock", url(Scheme::Unix, "", "", 0, "/run/redis/redis.sock"),
             "unix:///run/redis/redis.sock", "/run/redis/redis.sock"},
        Good{"unix://me@/run/redis.sock", url(Scheme::Unix, "me", "", 0, "/run/redis.sock"),
             "unix://me@/run/redis.sock", "/run/redis.sock"},
        Good{"unix:///run/a@/b:c", url(Scheme::Unix, "", "", 0, "/run/a@/b:c"),
             "unix:///run/a@/b:c", "/run/a@/b:c"},
        Good{"unix:///run/my%20redis%3F", url(Scheme::Unix, "", "", 0, "/run/my redis?"),
             "unix:///run/my%20redis%3F", "/run/my redis?"}));

struct Bad {
  std::string text;
  const char* message;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.text; }

class BadUrl : public testing::TestWithParam<Bad> {};

TEST_P(BadUrl, IsRefusedWithItsReason) {
  const Result<Url> parsed = parse_url(GetParam().text);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message, GetParam().message);
}

constexpr const char* kStart =
    "a URL starts with redis://, rediss://, unix://, redis-sentinel://, redis-cluster://";
INSTANTIATE_TEST_SUITE_P(
    Scheme, BadUrl,
    testing::Values(Bad{"", kStart}, Bad{"host", kStart}, Bad{"host:6379", kStart},
                    Bad{"redis:/host", kStart}, Bad{"://host", kStart},
                    Bad{" redis://host", kStart}, Bad{"re\x1b[31mdis://host", kStart},
                    Bad{"redi://host", "unknown scheme 'redi'; did you mean 'redis'?"},
                    Bad{"http://host",
                        "unknown scheme 'http'; relinkd knows redis, rediss, unix, "
                        "redis-sentinel, redis-cluster"},
                    Bad{"redis-sentinal://host#m",
                        "unknown scheme 'redis-sentinal'; did you mean 'redis-sentinel'?"}));

constexpr const char* kNoHost = "the host is missing";
constexpr const char* kHost = "the host is neither a host name nor an IP address";
constexpr const char* kCharacters =
    "a URL has no spaces, control or non-ASCII characters; write a space as %20";
INSTANTIATE_TEST_SUITE_P(
    Host, BadUrl,
    testing::Values(
        Bad{"redis://", kNoHost}, Bad{"redis://:6379", kNoHost}, Bad{"redis://user@", kNoHost},
        Bad{"redis://user@:6379", kNoHost}, Bad{"redis://a..b", kHost}, Bad{"redis://.a", kHost},
        Bad{"redis://.", kHost}, Bad{"redis://-a", kHost}, Bad{"redis://a-", kHost},
        Bad{"redis://a,b", kHost}, Bad{"redis://a%20b", kHost}, Bad{"redis://a*", kHost},
        Bad{"redis://10.0.0.300", kHost}, Bad{"redis://10.0.1", kHost},
        Bad{"redis://10.0.0.7.", kHost}, Bad{"redis://1234", kHost},
        Bad{"redis://" + std::string(64, 'a'), kHost},
        Bad{"redis://" + std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                std::string(63, 'c') + "." + std::string(62, 'd'),
            kHost},
        Bad{"redis://a b", kCharacters}, Bad{"redis:// a", kCharacters},
        Bad{"redis://a\n", kCharacters}, Bad{std::string("redis://a\0b", 11), kCharacters},
        Bad{"redis://höst", kCharacters},
        Bad{"redis://[::1", "the ']' of the IPv6 address is missing"},
        Bad{"redis://[::1]7000", "only a port may follow the ']' of the IPv6 address"},
        Bad{"redis://[fe80::1%25eth0]",
            "what stands in brackets must be an IPv6 address (scope ids are not supported)"},
        Bad{"redis://[10.0.0.7]",
            "what stands in brackets must be an IPv6 address (scope ids are not supported)"},
        Bad{"redis://[]",
            "what stands in brackets must be an IPv6 address (scope ids are not supported)"},
        Bad{"redis://::1",
            "more than one ':' in host and port; an IPv6 address is written in brackets"},
        Bad{"redis://2001:db8::1:6379",
            "more than one ':' in host and port; an IPv6 address is written in brackets"}));

constexpr const char* kPort = "the port must be a number from 1 to 65535";
INSTANTIATE_TEST_SUITE_P(Port, BadUrl,
                         testing::Values(Bad{"redis://h:", kPort}, Bad{"redis://h:0", kPort},
                                         Bad{"redis://h:65536", kPort}, Bad{"redis://h:x", kPort},
                                         Bad{"redis://h:-1", kPort}, Bad{"redis://h:+1", kPort},
                                         Bad{"redis://h:6379x", kPort},
                                         Bad{"redis://h:99999999999999999999", kPort},
                                         Bad{"redis://[::1]:", kPort},
                                         Bad{"redis://[::1]:0", kPort}));

INSTANTIATE_TEST_SUITE_P(
    Tail, BadUrl,
    testing::Values(
        Bad{"redis://h/",
            "the URL has a path ('/' and what follows); relinkd selects no database, "
            "so it ends with the port"},
        Bad{"redis://h:6379/0",
            "the URL has a path ('/' and what follows); relinkd selects no database, so it ends "
            "with the port"},
        Bad{"rediss://h?ssl=true",
            "the URL has a query ('?' and what follows); relinkd selects no database, so it ends "
            "with the port"},
        Bad{"redis://h#x",
            "the URL has a fragment ('#' and what follows); relinkd selects no database, so it "
            "ends with the port"}));

INSTANTIATE_TEST_SUITE_P(
    User, BadUrl,
    testing::Values(
        Bad{"redis://@h", "the user before the '@' is empty"}, Bad{"redis://a b@h", kCharacters},
        Bad{"redis://ä@h", kCharacters}, Bad{"redis://a%20b@h", "a user's name has no spaces"},
        Bad{"redis://a%@h", "bad escape in the user: '%' needs two hexadecimal digits"},
        Bad{"redis://a%4@h", "bad escape in the user: '%' needs two hexadecimal digits"},
        Bad{"redis://a%4g@h", "bad escape in the user: '%' needs two hexadecimal digits"},
        Bad{"redis://a%00@h", "the user may hold printable ASCII characters only"},
        Bad{"redis://a%C3%A4@h", "the user may hold printable ASCII characters only"}));

INSTANTIATE_TEST_SUITE_P(
    Unix, BadUrl,
    testing::Values(
        Bad{"unix://",
            "unix:// takes an absolute path and no host: unix:///path or unix://user@/path"},
        Bad{"unix://run/redis.sock",
            "unix:// takes an absolute path and no host: unix:///path or unix://user@/path"},
        Bad{"unix:///", "the path names a directory, not a socket"},
        Bad{"unix:///run/", "the path names a directory, not a socket"},
        Bad{"unix:///run/redis.sock?db=0",
            "the URL has a query or fragment; in a socket's path write '?' as %3F, '#' as %23"},
        Bad{"unix:///run/a b", kCharacters},
        Bad{"unix:///run/%0a", "the path may hold printable ASCII characters only"},
        Bad{"unix:///run/%zz", "bad escape in the path: '%' needs two hexadecimal digits"},
        Bad{"unix:///" + std::string(107, 'p'),
            "the socket's path has 108 bytes; at most 107 are possible"}));

TEST(UnixUrl, TakesThe107BytesThatASocketAddressHas) {
  EXPECT_TRUE(parse_url("unix:///" + std::string(106, 'p')));
}

Url seeds(Scheme scheme, const char* user, std::vector<HostPort> where, const char* name = "") {
  return {
      .scheme = scheme, .user = user, .port = 0, .seeds = std::move(where), .primary_name = name};
}

INSTANTIATE_TEST_SUITE_P(
    Sentinel, GoodUrl,
    testing::Values(
        Good{"redis-sentinel://s1#mymaster",
             seeds(Scheme::Sentinel, "", {{"s1", 26379}}, "mymaster"),
             "redis-sentinel://s1:26379#mymaster", "s1:26379#mymaster"},
        Good{"redis-sentinel://me@s1,s2:5000,[0:0::1]:26380#my-name.1",
             seeds(Scheme::Sentinel, "me", {{"s1", 26379}, {"s2", 5000}, {"::1", 26380}},
                   "my-name.1"),
             "redis-sentinel://me@s1:26379,s2:5000,[::1]:26380#my-name.1", "s1:26379#my-name.1"},
        Good{"redis-sentinel://[::1]#m", seeds(Scheme::Sentinel, "", {{"::1", 26379}}, "m"),
             "redis-sentinel://[::1]:26379#m", "[::1]:26379#m"},
        Good{"redis-sentinel://a%40b@s1#a%40b%23c%25",
             seeds(Scheme::Sentinel, "a@b", {{"s1", 26379}}, "a@b#c%"),
             "redis-sentinel://a%40b@s1:26379#a%40b%23c%25", "s1:26379#a@b#c%"},
        Good{"redis-sentinel://s1#a/b?c#d", seeds(Scheme::Sentinel, "", {{"s1", 26379}}, "a/b?c#d"),
             "redis-sentinel://s1:26379#a/b%3Fc%23d", "s1:26379#a/b?c#d"},
        Good{"redis-sentinel://same:1,same:2#m",
             seeds(Scheme::Sentinel, "", {{"same", 1}, {"same", 2}}, "m"),
             "redis-sentinel://same:1,same:2#m", "same:1#m"}));

INSTANTIATE_TEST_SUITE_P(
    Cluster, GoodUrl,
    testing::Values(
        Good{"redis-cluster://c1", seeds(Scheme::Cluster, "", {{"c1", 6379}}),
             "redis-cluster://c1:6379", "c1:6379"},
        Good{"redis-cluster://me@c1.example.net,10.0.0.7:7000,[2001:DB8::1]",
             seeds(Scheme::Cluster, "me",
                   {{"c1.example.net", 6379}, {"10.0.0.7", 7000}, {"2001:db8::1", 6379}}),
             "redis-cluster://me@c1.example.net:6379,10.0.0.7:7000,[2001:db8::1]:6379",
             "c1.example.net:6379"}));

constexpr const char* kNoName =
    "the primary's name is missing; it follows the hosts: redis-sentinel://HOSTS#NAME";
constexpr const char* kName = "the primary's name has 1 to 255 characters and no spaces";
INSTANTIATE_TEST_SUITE_P(
    Sentinel, BadUrl,
    testing::Values(
        Bad{"redis-sentinel://", kNoName}, Bad{"redis-sentinel://s1", kNoName},
        Bad{"redis-sentinel://s1,s2", kNoName}, Bad{"redis-sentinel://s1#", kName},
        Bad{"redis-sentinel://s1#a%20b", kName},
        Bad{"redis-sentinel://s1#" + std::string(256, 'n'), kName},
        Bad{"redis-sentinel://s1#a b", kCharacters},
        Bad{"redis-sentinel://s1#%00",
            "the primary's name may hold printable ASCII characters only"},
        Bad{"redis-sentinel://s1#%C3%A4",
            "the primary's name may hold printable ASCII characters only"},
        Bad{"redis-sentinel://s1#%4",
            "bad escape in the primary's name: '%' needs two hexadecimal digits"},
        Bad{"redis-sentinel://#m", kNoHost}, Bad{"redis-sentinel://:26379#m", kNoHost},
        Bad{"redis-sentinel://@s1#m", "the user before the '@' is empty"},
        Bad{"redis-sentinel://s1/0#m",
            "the URL has a path ('/' and what follows); relinkd selects no database, so only '#' "
            "and the primary's name follow the hosts"},
        Bad{"redis-sentinel://s1?db=0#m",
            "the URL has a query ('?' and what follows); relinkd selects no database, so only '#' "
            "and the primary's name follow the hosts"}));

INSTANTIATE_TEST_SUITE_P(
    Seeds, BadUrl,
    testing::Values(
        Bad{"redis-cluster://", kNoHost}, Bad{"redis-cluster://a b", kCharacters},
        Bad{"redis-cluster://,", "host 1 of 2: the host is missing"},
        Bad{"redis-cluster://c1,", "host 2 of 2: the host is missing"},
        Bad{"redis-cluster://c1,,c3", "host 2 of 3: the host is missing"},
        Bad{"redis-cluster://c1,c2:0", "host 2 of 2: the port must be a number from 1 to 65535"},
        Bad{"redis-cluster://c1,::1",
            "host 2 of 2: more than one ':' in host and port; an IPv6 address is written in "
            "brackets"},
        Bad{"redis-cluster://c1,c2/",
            "the URL has a path ('/' and what follows); relinkd selects no database, so it ends "
            "with the port"},
        Bad{"redis-cluster://c1#m",
            "the URL has a fragment ('#' and what follows); relinkd selects no database, so it "
            "ends with the port"},
        Bad{"redis-cluster://c1,c2,c1", "host 3 of 3 is the same as host 1"},
        Bad{"redis-cluster://c1,C1:6379", "host 2 of 2 is the same as host 1"},
        Bad{"redis-sentinel://[::1],[0::1]:26379#m", "host 2 of 2 is the same as host 1"}));

std::string many_hosts(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "h" : ",h") + std::to_string(i);
  return text;
}

TEST(Seeds, AreAtMost32) {
  const Result<Url> most = parse_url("redis-cluster://" + many_hosts(32));
  ASSERT_TRUE(most);
  EXPECT_EQ(most->seeds.size(), kMaxSeeds);
  EXPECT_EQ(parse_url("redis-cluster://" + many_hosts(33)).error().message,
            "the URL has 33 hosts; at most 32 are possible");
  EXPECT_EQ(parse_url("redis-sentinel://" + many_hosts(33) + "#m").error().message,
            "the URL has 33 hosts; at most 32 are possible");
}

TEST(SentinelUrl, TakesANameOf255Characters) {
  EXPECT_TRUE(parse_url("redis-sentinel://s1#" + std::string(255, 'n')));
}

TEST(LongUrl, IsRefused) {
  EXPECT_EQ(parse_url("redis://" + std::string(2000, 'h')).error().message,
            "the URL has 2008 bytes; at most 1024 are possible");
  EXPECT_EQ(parse_url("redis-cluster://" + std::string(9000, ',')).error().message,
            "the URL has 9016 bytes; at most 8192 are possible");
}

TEST(UrlPassword, IsRefusedWithTheWayToGiveIt) {
  for (const char* text :
       {"redis://user:geheim@host", "redis://:geheim@host:6379", "rediss://user:@host",
        "unix://user:geheim@/run/redis.sock", "unix://:geheim@/run/redis.sock",
        "redis-sentinel://:geheim@a,b#name", "redis-sentinel://:ge#heim@a#name",
        "redis-sentinel://user:ge,heim@a,b#name", "redis-sentinel://a:26379,user:geheim@b#name",
        "redis-cluster://user:geheim@a,b", "redis-cluster://a:6379,user:geheim@b",
        "redis://:ge@heim@host", "redis://:ge/he?im#x@host", "redis://:ge heim@host",
        "redis://user:geheim@", "unix://:ge/heim@/run/redis.sock",
        "unix://:geheim@host/run/redis.sock"}) {
    const Result<Url> parsed = parse_url(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message,
              "the URL holds a password; give it as password = { file = \"/path\" } or password = "
              "{ credential = \"name\" } in an [[endpoint]] instead")
        << text;
  }
}

TEST(UrlPassword, IsRepeatedInNoError) {
  for (const std::string text : {"redis://geheim:geheim@host",
                                 "redis://:geheim",
                                 "redis://user:geheim",
                                 "geheim@host",
                                 "redis:geheim@host",
                                 "redis://host:geheim",
                                 "redis://[geheim",
                                 "redis://[::1]geheim",
                                 "redis://h/geheim",
                                 "redis://h?password=geheim",
                                 "redis://h#geheim",
                                 "unix://geheim",
                                 "redis-sentinel://:geheim@host",
                                 "redis-sentinel://geheim",
                                 "redis-sentinel://geheim:geheim#name",
                                 "redis-sentinel://host,geheim!#name",
                                 "redis-sentinel://host,host:geheim#name",
                                 "redis-sentinel://host/geheim#name",
                                 "redis-sentinel://host#%geheim",
                                 "redis-sentinel://host#geheim%20geheim",
                                 "redis-sentinel://geheim,geheim#name",
                                 "redis-cluster://:geheim@host",
                                 "redis-cluster://host,geheim!",
                                 "redis-cluster://host#geheim",
                                 "redis://:geheim:geheim",
                                 "redis://%geheim@host",
                                 "redis://geheim geheim@host",
                                 "http://:geheim@host",
                                 "user:geheim@redis://host",
                                 "unix:///run/%geheim",
                                 "redis://geheim!"}) {
    const Result<Url> parsed = parse_url(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, Not(HasSubstr("geheim"))) << text;

    const Loaded loaded = load({{"f", "[[endpoint]]\nurl = \"" + text + "\""}}, {text});
    EXPECT_EQ(loaded.diagnostics.size(), 2U) << text;
    for (const Diagnostic& d : loaded.diagnostics) {
      EXPECT_THAT(d.to_string(), Not(HasSubstr("geheim"))) << text;
    }
    for (const Origin& origin : loaded.origins) {
      EXPECT_THAT(origin.value, Not(HasSubstr("geheim"))) << text;
    }
  }
}

}  // namespace
}  // namespace relinkd::config::test
