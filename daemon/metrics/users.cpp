// SPDX-License-Identifier: Apache-2.0
#include "metrics/users.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"

namespace relinkd::metrics {

namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::uint64_t kMaxBcryptCost = 14;
constexpr std::uint64_t kMaxSha512Rounds = 1'000'000;
// crypt(5): yescrypt's parameters are a flavour, the logarithm of N and the block size r; it takes
// 128 × r × N bytes. 'j' is the one flavour in use, 'B' stands for 2^14 and 'T' for 32.
constexpr char kYescryptFlavour = 'j';
constexpr char kMaxYescryptN = 'B';
constexpr char kMaxYescryptR = 'T';

constexpr std::string_view kMakeOne = "`htpasswd -nB NAME` or `openssl passwd -6` makes one";

/// crypt(5)'s alphabet: [./0-9A-Za-z], which is also the order of its digits in ASCII.
bool is_crypt64(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '/');
  });
}

/// Why it cannot be used, or nothing.
std::string problem_of_bcrypt(const std::vector<std::string_view>& fields) {
  if (fields.size() != 4 || fields[2].size() != 2 || fields[3].size() != 53 ||
      !is_crypt64(fields[3])) {
    return "is no complete bcrypt hash";
  }
  const auto cost = parse_u64(fields[2]);
  if (!cost || *cost < 4) return "is no complete bcrypt hash";
  if (*cost <= kMaxBcryptCost) return {};
  return fmt::format("has cost {}, above the {} that can be verified in a second", *cost,
                     kMaxBcryptCost);
}

std::string problem_of_sha512(const std::vector<std::string_view>& fields) {
  constexpr std::string_view kRounds = "rounds=";
  const bool has_rounds = fields.size() == 5 && fields[2].starts_with(kRounds);
  if ((fields.size() != 4 && !has_rounds) || fields.back().size() != 86 ||
      !is_crypt64(fields.back()) || !is_crypt64(fields[fields.size() - 2])) {
    return "is no complete sha512crypt hash";
  }
  const auto rounds = parse_u64(has_rounds ? fields[2].substr(kRounds.size()) : "5000");
  if (!rounds) return "is no complete sha512crypt hash";
  if (*rounds <= kMaxSha512Rounds) return {};
  return fmt::format("has {} rounds, above the {} that can be verified in a second", *rounds,
                     kMaxSha512Rounds);
}

std::string problem_of_yescrypt(const std::vector<std::string_view>& fields) {
  if (fields.size() != 5 || fields[2].empty() || fields[3].empty() || fields[4].size() != 43 ||
      !is_crypt64(fields[2]) || !is_crypt64(fields[3]) || !is_crypt64(fields[4])) {
    return "is no complete yescrypt hash";
  }
  const std::string_view cost = fields[2];
  if (cost.size() == 3 && cost[0] == kYescryptFlavour && cost[1] <= kMaxYescryptN &&
      cost[2] <= kMaxYescryptR) {
    return {};
  }
  return "takes more than the 64 MB that are allowed; give a lower cost (mkpasswd -R 7)";
}

std::string problem_of(std::string_view hash) {
  const auto fields = split(hash, '$');
  // "$2y$…" begins with an empty field.
  const std::string_view kind = fields.size() > 1 && fields[0].empty() ? fields[1] : "";
  if (kind == "2b" || kind == "2y") return problem_of_bcrypt(fields);
  if (kind == "6") return problem_of_sha512(fields);
  if (kind == "y") return problem_of_yescrypt(fields);
  return fmt::format("is none of the kinds that are taken ($2b$, $2y$, $y$, $6$); {}", kMakeOne);
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

Result<std::vector<User>> parse_users(std::string_view text) {
  std::vector<User> users;
  std::set<std::string_view> names;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return Error{fmt::format("line {}: expected name:hash; {}", number, kMakeOne)};
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view hash = line.substr(colon + 1);
    if (!is_name(name)) {
      return Error{fmt::format("line {}: a name has 1 to {} printable bytes", number, kMaxName)};
    }
    if (!names.insert(name).second) {
      return Error{fmt::format("line {}: there is another user {}", number, printable(name))};
    }
    if (const std::string problem = problem_of(hash); !problem.empty()) {
      return Error{fmt::format("line {}: the hash of {} {}", number, printable(name), problem)};
    }
    if (users.size() == kMaxUsers) {
      return Error{fmt::format("line {}: more than {} users", number, kMaxUsers)};
    }
    users.push_back({std::string(name), std::string(hash)});
  }
  if (users.empty()) {
    return Error{fmt::format("has no user, so nobody could read the metrics; {}", kMakeOne)};
  }
  return users;
}

}  // namespace relinkd::metrics
