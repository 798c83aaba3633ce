// SPDX-License-Identifier: Apache-2.0
// The label values, and the order of precedence among conditions.
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "core/cause.hpp"
#include "core/condition.hpp"

namespace relinkd::core {
namespace {

template <typename Names>
void expect_labels(const Names& names) {
  std::set<std::string> seen;
  for (const std::string_view name : names.names) {
    EXPECT_TRUE(seen.insert(std::string(name)).second) << name << " twice";
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos)
        << name;
  }
}

TEST(Names, AreDistinctLabels) {
  expect_labels(kConditionNames);
  expect_labels(kCauseNames);
  expect_labels(kConnectResultNames);
}

TEST(Names, EveryEnumeratorHasOne) {
  EXPECT_EQ(to_string(Condition::Unknown), "unknown");
  EXPECT_EQ(to_string(Condition::HalfOpen), "half_open");
  EXPECT_EQ(to_string(Condition::Ok), "ok");
  EXPECT_EQ(kConditionNames.size(), static_cast<std::size_t>(Condition::Ok) + 1);
  EXPECT_EQ(to_string(Cause::HalfOpen), "half_open");
  EXPECT_EQ(to_string(Cause::LocalFault), "local_fault");
  EXPECT_EQ(kCauseNames.size(), static_cast<std::size_t>(Cause::LocalFault) + 1);
  EXPECT_EQ(to_string(ConnectResult::Ok), "ok");
  EXPECT_EQ(to_string(ConnectResult::LocalFault), "local_fault");
  EXPECT_EQ(kConnectResultNames.size(), static_cast<std::size_t>(ConnectResult::LocalFault) + 1);
}

TEST(Names, AreFoundByTheirText) {
  for (std::size_t i = 0; i < kConditionNames.size(); ++i) {
    const auto c = static_cast<Condition>(i);
    EXPECT_EQ(kConditionNames.find(to_string(c)), c);
  }
  EXPECT_EQ(kConditionNames.find("zombie"), std::nullopt);
  EXPECT_EQ(kConditionNames.find(""), std::nullopt);
}

TEST(Conditions, PrecedenceGoesFromThisHostOverThePathToTheProcess) {
  const Condition order[] = {Condition::Unknown,    Condition::LocalFault,  Condition::DnsFailed,
                             Condition::Refused,    Condition::Unreachable, Condition::HalfOpen,
                             Condition::PeerClosed, Condition::Reset,       Condition::TlsFailed,
                             Condition::NotRedis,   Condition::AuthFailed,  Condition::Stalled,
                             Condition::MasterDown, Condition::Loading,     Condition::Busy,
                             Condition::ReadOnly,   Condition::Slow,        Condition::Ok};
  for (std::size_t i = 1; i < std::size(order); ++i) {
    EXPECT_EQ(worse(order[i - 1], order[i]), order[i - 1]);
    EXPECT_EQ(worse(order[i], order[i - 1]), order[i - 1]);
  }
}

TEST(Conditions, OnlyOkAndSlowAreUp) {
  for (std::size_t i = 0; i < kConditionNames.size(); ++i) {
    const auto c = static_cast<Condition>(i);
    EXPECT_EQ(is_up(c), c == Condition::Ok || c == Condition::Slow) << to_string(c);
  }
}

}  // namespace
}  // namespace relinkd::core
