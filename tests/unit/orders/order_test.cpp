// SPDX-License-Identifier: Apache-2.0
// Orders and answers on the wire: what is written is read as it was, and nothing else is read.
#include "orders/order.hpp"

#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relinkd::testing {
namespace {

using orders::Answer;
using orders::Order;
using ::testing::AllOf;
using ::testing::HasSubstr;

Order destroy() {
  Order order;
  order.kind = Order::Kind::Relink;
  order.id = 17;
  order.verb = core::RelinkVerb::DestroySockets;
  order.app = "checkout";
  order.endpoint = "sessions";
  order.socket = orders::SocketName{*Address::parse("10.0.0.5", 41234),
                                    *Address::parse("10.0.0.7", 6380), false, 3, 0x123456789abcdef};
  order.incident = "sessions-1";
  return order;
}

Order reload() {
  Order order = destroy();
  order.verb = core::RelinkVerb::Reload;
  order.socket.reset();
  order.action = "reload";
  return order;
}

Order tune() {
  Order order;
  order.kind = Order::Kind::Tune;
  order.id = 18;
  order.tuning = Order::Tuning::Apply;
  order.app = "checkout";
  order.endpoint = "sessions";
  order.cookies = {4711, 1, orders::kAnyCookie - 1};
  return order;
}

Answer tuned() {
  Answer answer{18, Answer::Result::Done, "1 of 2 changed", {}};
  answer.tuned = {{4711, {true, 5s, 1s, 3, 8s}, core::SocketOptions{false, 7200s, 75s, 9, 0ms}},
                  {1, {true, 2s, 1s, 2, 1500ms}, {}}};
  return answer;
}

/// The order's text with one piece of it replaced.
std::string with(const Order& order, std::string_view piece, std::string_view replacement) {
  std::string text = encode(order);
  const auto at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece << " is not in " << text;
  return at == std::string::npos ? text : text.replace(at, piece.size(), replacement);
}

std::string why_not(std::string_view text) {
  const auto order = orders::decode_order(text);
  return order ? "it is read" : order.error().message;
}

TEST(Order, IsReadAsItWasWritten) {
  EXPECT_EQ(*orders::decode_order(encode(destroy())), destroy());
  EXPECT_EQ(*orders::decode_order(encode(reload())), reload());
  Order support;
  support.id = 4;
  EXPECT_EQ(*orders::decode_order(encode(support)), support);
}

TEST(Order, HasEveryVerb) {
  for (std::size_t i = 1; i < core::kRelinkVerbNames.size(); ++i) {
    Order order = reload();
    order.verb = static_cast<core::RelinkVerb>(i);
    const auto read = orders::decode_order(encode(order));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, order);
  }
}

TEST(Order, TellsIPv6SocketsAndMappedOnes) {
  Order order = destroy();
  order.socket->v6 = true;
  EXPECT_EQ(*orders::decode_order(encode(order)), order);
  order.socket->local = *Address::parse("2001:db8::5", 41234);
  order.socket->remote = *Address::parse("2001:db8::7", 6380);
  EXPECT_EQ(*orders::decode_order(encode(order)), order);
  order.socket->v6 = false;
  EXPECT_THAT(why_not(encode(order)), HasSubstr("\"v6\" is false"));
}

TEST(Order, OfTheLongestNamesFitsAMessage) {
  Order order = reload();
  order.id = ~std::uint64_t{0};
  order.app = std::string(orders::kMaxApp, '"');
  order.endpoint = std::string(orders::kMaxEndpoint, '\\');
  order.action = std::string(orders::kMaxAction, '"');
  order.incident = std::string(orders::kMaxIncident, '\\');
  const std::string text = encode(order);
  EXPECT_LE(text.size(), orders::kMaxMessage);
  EXPECT_EQ(*orders::decode_order(text), order);
}

TEST(Order, OfNamesThatAreTooLongIsNone) {
  Order order = reload();
  order.app = std::string(orders::kMaxApp + 1, 'a');
  EXPECT_THAT(why_not(encode(order)), HasSubstr("\"app\" is not a text of 1 to 63 bytes"));
  order = reload();
  order.endpoint = std::string(orders::kMaxEndpoint + 1, 'a');
  EXPECT_THAT(why_not(encode(order)), HasSubstr("\"endpoint\" is not a text"));
  order = reload();
  order.action = std::string(orders::kMaxAction + 1, 'a');
  EXPECT_THAT(why_not(encode(order)), HasSubstr("\"action\" is not a text"));
  order = reload();
  order.incident = std::string(orders::kMaxIncident + 1, 'a');
  EXPECT_THAT(why_not(encode(order)), HasSubstr("\"incident\" is not a text"));
}

TEST(Order, OfAnotherVersionSaysWhatToDo) {
  EXPECT_THAT(why_not(with(destroy(), R"("version":1)", R"("version":2)")),
              AllOf(HasSubstr("version 2"), HasSubstr("of one release")));
}

struct Malformed {
  std::string_view name;
  std::string_view piece, replacement;  ///< of destroy()
  std::string_view why;
};

class MalformedOrder : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedOrder, IsNone) {
  EXPECT_THAT(why_not(with(destroy(), GetParam().piece, GetParam().replacement)),
              HasSubstr(GetParam().why));
}

constexpr std::string_view kCookie = R"("cookie":81985529216486895)";
const Malformed kMalformed[] = {
    {"NoVersion", R"("version":1)", R"("vision":1)", "\"version\" is missing"},
    {"VersionIsText", R"("version":1)", R"("version":"1")", "\"version\" is not a whole number"},
    {"NoId", R"("id":17,)", "", "\"id\" is missing"},
    {"NegativeId", R"("id":17)", R"("id":-17)", "\"id\" is not a whole number"},
    {"FractionId", R"("id":17)", R"("id":1.7)", "\"id\" is not a whole number"},
    {"HugeId", R"("id":17)", R"("id":18446744073709551616)", "\"id\" is not a whole number"},
    {"UnknownKind", R"("kind":"relink")", R"("kind":"reboot")", "\"kind\" is none of relink"},
    {"UnknownVerb", R"("verb":"destroy-sockets")", R"("verb":"stop")",
     "\"verb\" is none of destroy-sockets"},
    {"NoApp", R"("app":"checkout",)", "", "\"app\" is missing"},
    {"EmptyApp", R"("app":"checkout")", R"("app":"")", "\"app\" is not a text"},
    {"AppIsNull", R"("app":"checkout")", R"("app":null)", "\"app\" is not a text"},
    {"AppWithLineBreak", R"("app":"checkout")", R"("app":"check\nout")", "in one line"},
    {"NoEndpoint", R"("endpoint":"sessions",)", "", "\"endpoint\" is missing"},
    {"NoIncident", R"("incident":"sessions-1",)", "", "\"incident\" is missing"},
    {"IncidentNotPrintable", R"("incident":"sessions-1")", "\"incident\":\"s\xc3\xa9\"",
     "\"incident\" is not printable"},
    {"UnknownKey", R"("id":17)", R"("id":17,"force":true)", "\"force\" does not belong"},
    {"ActionOfDestroy", R"("id":17)", R"("id":17,"action":"reload")", "\"action\" does not belong"},
    {"KeyTwice", R"("id":17)", R"("id":17,"app":"billing")", "a key twice"},
    {"KeyTwiceInSocket", R"("v6":false)", R"("v6":false,"v6":true)", "a key twice"},
    {"SocketIsText", R"("socket":{)", R"("socket":"10.0.0.5","sock":{)", "does not belong"},
    {"NoSocket", R"("socket":{)", R"("plug":{)", "does not belong"},
    {"NoCookie", R"("interface":3,)", R"("interface":3,"x":0,)", "\"x\" does not belong"},
    {"CookieZero", kCookie, R"("cookie":0)", "\"cookie\" names no socket"},
    {"CookieOfAny", kCookie, R"("cookie":18446744073709551615)", "\"cookie\" names no socket"},
    {"CookieIsText", kCookie, R"("cookie":"1")", "\"cookie\" is not a whole number"},
    {"InterfaceTooLarge", R"("interface":3)", R"("interface":4294967296)",
     "\"interface\" is not a whole number of 0 to 4294967295"},
    {"V6IsNumber", R"("v6":false)", R"("v6":0)", "\"v6\" is not true or false"},
    {"LocalIsName", "10.0.0.5:41234", "localhost:41234", "\"local\" is not an IP address"},
    {"LocalWithoutPort", "10.0.0.5:41234", "10.0.0.5", "\"local\" is not an IP address"},
    {"RemotePortZero", "10.0.0.7:6380", "10.0.0.7:0", "\"remote\" is not an IP address"},
    {"RemoteIsPath", "10.0.0.7:6380", "/run/redis.sock", "\"remote\" is not an IP address"},
    {"MixedFamilies", "10.0.0.7:6380", "[2001:db8::7]:6380", "of different families"},
    {"Nested", R"("interface":3)", R"("interface":[3])", "nested deeper"},
};
INSTANTIATE_TEST_SUITE_P(Each, MalformedOrder, ::testing::ValuesIn(kMalformed),
                         [](const auto& i) { return std::string(i.param.name); });

TEST(Order, ThatIsNoObjectIsNone) {
  for (const std::string_view text : {"", "{", "null", "[1]", "1", "\"order\"", "GET / HTTP/1.1",
                                      "{\"version\":1} {}", "{\"a\":\"\xff\"}"}) {
    EXPECT_THAT(why_not(text), HasSubstr("not a JSON object")) << text;
  }
}

TEST(Order, SocketThatIsNoObjectIsNone) {
  Order order = destroy();
  order.socket.reset();
  const std::string text = encode(order);
  EXPECT_THAT(why_not(text), HasSubstr("\"socket\" is missing"));
  EXPECT_THAT(why_not(text.substr(0, text.size() - 1) + R"(,"socket":"10.0.0.5"})"),
              HasSubstr("\"socket\" is not an object"));
}

TEST(Order, OfAUnitHasAnActionAndNoSocket) {
  EXPECT_THAT(why_not(with(reload(), R"("action":"reload",)", "")),
              HasSubstr("\"action\" is missing"));
  EXPECT_THAT(why_not(with(reload(), R"("id":17)", R"("id":17,"socket":{})")),
              HasSubstr("\"socket\" does not belong"));
}

TEST(Order, OfSupportHasNothingElse) {
  Order support;
  EXPECT_THAT(why_not(with(support, R"("id":0)", R"("id":0,"app":"checkout")")),
              HasSubstr("\"app\" does not belong"));
}

TEST(Order, OfASysctlNamesTheKeyAndNoValue) {
  const auto order =
      orders::decode_order(R"({"version":1,"id":7,"kind":"sysctl","key":"net.ipv4.tcp_retries2"})");
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->kind, Order::Kind::Sysctl);
  EXPECT_EQ(order->key, "net.ipv4.tcp_retries2");
  EXPECT_EQ(*orders::decode_order(orders::encode(*order)), *order);
  for (const char* more : {R"("value":5)", R"("app":"checkout")", R"("socket":{})"}) {
    EXPECT_FALSE(orders::decode_order(
        fmt::format(R"({{"version":1,"id":7,"kind":"sysctl","key":"k",{}}})", more)))
        << more;
  }
  EXPECT_FALSE(orders::decode_order(R"({"version":1,"id":7,"kind":"sysctl"})"));
  EXPECT_FALSE(orders::decode_order(R"({"version":1,"id":7,"kind":"sysctl","key":5})"));
}

TEST(Order, OfATraceHasNothingElse) {
  Order order;
  order.kind = Order::Kind::Trace;
  order.id = 5;
  EXPECT_EQ(*orders::decode_order(encode(order)), order);
  EXPECT_THAT(why_not(with(order, R"("id":5)", R"("id":5,"ports":[6379])")),
              HasSubstr("\"ports\" does not belong"));
}

TEST(Order, ToTuneIsReadAsItWasWritten) {
  for (std::size_t i = 0; i < orders::kTuningNames.size(); ++i) {
    Order order = tune();
    order.tuning = static_cast<Order::Tuning>(i);
    const auto read = orders::decode_order(encode(order));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, order);
  }
}

TEST(Order, ToTuneTheMostSocketsOfTheLongestNamesFitsAMessage) {
  Order order = tune();
  order.id = ~std::uint64_t{0};
  order.app = std::string(orders::kMaxApp, '"');
  order.endpoint = std::string(orders::kMaxEndpoint, '\\');
  order.cookies.clear();
  for (std::size_t i = 0; i < orders::kMaxTuned; ++i) {
    order.cookies.push_back(orders::kAnyCookie - 1 - i);
  }
  const std::string text = encode(order);
  EXPECT_LE(text.size(), orders::kMaxMessage);
  EXPECT_EQ(*orders::decode_order(text), order);
  order.cookies.push_back(1);
  EXPECT_THAT(why_not(encode(order)), HasSubstr("\"cookies\" is not a list of 1 to 32"));
}

TEST(Order, ToTuneNamesEachSocketOnceAndNothingElse) {
  const auto refused = [](std::string_view piece, std::string_view replacement) {
    return why_not(with(tune(), piece, replacement));
  };
  constexpr std::string_view kCookies = R"("cookies":[4711,1,18446744073709551614])";
  EXPECT_THAT(refused(kCookies, R"("cookies":[])"), HasSubstr("not a list of 1 to 32"));
  EXPECT_THAT(refused(kCookies, R"("cookies":4711)"), HasSubstr("not a list of 1 to 32"));
  EXPECT_THAT(refused(kCookies, R"("cookies":[7,8,7])"), HasSubstr("has one twice"));
  EXPECT_THAT(refused(kCookies, R"("cookies":[0])"), HasSubstr("names no socket"));
  EXPECT_THAT(refused(kCookies, R"("cookies":[18446744073709551615])"),
              HasSubstr("names no socket"));
  EXPECT_THAT(refused(kCookies, R"("cookies":["1"])"), HasSubstr("names no socket"));
  EXPECT_THAT(refused(kCookies, R"("cookies":[1.5])"), HasSubstr("names no socket"));
  EXPECT_THAT(refused(kCookies, R"("cookies":[[1]])"), HasSubstr("nested deeper"));
  EXPECT_THAT(refused(R"("tuning":"apply")", R"("tuning":"loosen")"),
              HasSubstr("\"tuning\" is none of look, apply, revert"));
  EXPECT_THAT(refused(R"("id":18)", R"("id":18,"idle":5)"), HasSubstr("\"idle\" does not belong"));
  EXPECT_THAT(refused(R"("app":"checkout",)", ""), HasSubstr("\"app\" is missing"));
  EXPECT_THAT(refused(R"("endpoint":"sessions",)", ""), HasSubstr("\"endpoint\" is missing"));
}

TEST(Order, LongerThanAMessageIsNotLookedAt) {
  const std::string text = encode(destroy()) + std::string(orders::kMaxMessage, ' ');
  EXPECT_THAT(why_not(text), HasSubstr("at most 4096 are possible"));
}

TEST(Answer, IsReadAsItWasWritten) {
  for (std::size_t i = 0; i < orders::kResultNames.size(); ++i) {
    const Answer answer{~std::uint64_t{0}, static_cast<Answer::Result>(i), "a \"sentence\"", {}};
    const auto read = orders::decode_answer(encode(answer));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, answer);
  }
}

TEST(Answer, FitsAMessageWhateverItTells) {
  const Answer answer{1, Answer::Result::Failed, std::string(100'000, '\x01'), {}};
  const std::string text = encode(answer);
  EXPECT_LE(text.size(), orders::kMaxMessage);
  EXPECT_THAT(orders::decode_answer(text)->detail, HasSubstr("....…"));
}

TEST(Answer, ThatIsMalformedIsNone) {
  const std::string good = encode(Answer{1, Answer::Result::Done, "yes", {}});
  const auto why_no_answer = [](std::string_view text) {
    const auto answer = orders::decode_answer(text);
    return answer ? "it is read" : answer.error().message;
  };
  EXPECT_THAT(why_no_answer(R"({"version":1,"id":1,"result":"maybe","detail":""})"),
              HasSubstr("\"result\" is none of done, gone"));
  EXPECT_THAT(why_no_answer(R"({"version":1,"id":1,"result":"done"})"),
              HasSubstr("\"detail\" is missing"));
  EXPECT_THAT(why_no_answer(R"({"version":1,"id":1,"result":"done","detail":"","x":1})"),
              HasSubstr("\"x\" does not belong"));
  EXPECT_THAT(why_no_answer(R"({"version":3,"id":1,"result":"done","detail":""})"),
              HasSubstr("version 3"));
  EXPECT_THAT(why_no_answer(good.substr(1)), HasSubstr("not a JSON object"));
}

TEST(Answer, OfTunedSocketsIsReadAsItWasWritten) {
  const auto read = orders::decode_answer(encode(tuned()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, tuned());
}

TEST(Answer, OfTheMostSocketsWithTheLargestValuesFitsAMessage) {
  const core::SocketOptions largest{true, std::chrono::seconds(2147483647),
                                    std::chrono::seconds(2147483647), 999,
                                    std::chrono::milliseconds(4294967295)};
  Answer answer{~std::uint64_t{0}, Answer::Result::RateLimited, std::string(100'000, '"'), {}};
  for (std::size_t i = 0; i < orders::kMaxTuned; ++i) {
    answer.tuned.push_back({orders::kAnyCookie - 1 - i, largest, largest});
  }
  const std::string text = encode(answer);
  EXPECT_LE(text.size(), orders::kMaxMessage);
  const auto read = orders::decode_answer(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tuned, answer.tuned);
}

TEST(Answer, BoundsWhatNoKernelHas) {
  Answer answer = tuned();
  answer.tuned[1].now = {true, std::chrono::hours(1'000'000), -5s, 5000, std::chrono::hours(2000)};
  const auto read = orders::decode_answer(encode(answer));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tuned[1].now, (core::SocketOptions{true, std::chrono::seconds(2147483647), 0s,
                                                     999, std::chrono::milliseconds(4294967295)}));
}

TEST(Answer, WithASocketThatIsNoneIsNone) {
  const std::string good = R"("tuned":[[4711,1,5,1,3,8000]])";
  const auto read = [](const std::string& rows) {
    return orders::decode_answer(R"({"version":1,"id":1,"result":"done","detail":"",)" + rows +
                                 "}");
  };
  ASSERT_TRUE(read(good)) << read(good).error().message;
  for (const std::string bad :
       {R"("tuned":[])", R"("tuned":{})", R"("tuned":[4711])", R"("tuned":[[]])",
        R"("tuned":[[4711,1,5,1,3]])", R"("tuned":[[4711,1,5,1,3,8000,0]])",
        R"("tuned":[[0,1,5,1,3,8000]])", R"("tuned":[["4711",1,5,1,3,8000]])",
        R"("tuned":[[4711,2,5,1,3,8000]])", R"("tuned":[[4711,true,5,1,3,8000]])",
        R"("tuned":[[4711,1,2147483648,1,3,8000]])", R"("tuned":[[4711,1,5,-1,3,8000]])",
        R"("tuned":[[4711,1,5,1,1000,8000]])", R"("tuned":[[4711,1,5,1,3,4294967296]])",
        R"("tuned":[[4711,1,5,1,3,8000,1,5,1,3,"x"]])", R"("tuned":[[4711,1,5,1,3,[8]]])"}) {
    EXPECT_FALSE(read(bad)) << bad;
  }
}

}  // namespace
}  // namespace relinkd::testing
