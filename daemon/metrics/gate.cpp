// SPDX-License-Identifier: Apache-2.0
#include "metrics/gate.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/secret.hpp"
#include "base/text.hpp"

namespace relinkd::metrics {

namespace {

constexpr std::size_t kTagSize = 32;
using Tag = std::array<unsigned char, kTagSize>;

/// "name:password" of a header "Basic BASE64"; nothing if it is not of that form. A NUL would end
/// the password for crypt(3) and not for us.
std::optional<Secret> credentials_of(const char* header) {
  constexpr std::string_view kScheme = "basic ";
  const std::string_view text = header == nullptr ? "" : header;
  if (lower_case(text.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  std::string coded(trim(text.substr(kScheme.size())));
  const gnutls_datum_t in{reinterpret_cast<unsigned char*>(coded.data()),
                          static_cast<unsigned>(coded.size())};
  gnutls_datum_t out{};
  const int decoded = gnutls_base64_decode2(&in, &out);
  wipe(coded);
  if (decoded != GNUTLS_E_SUCCESS) return std::nullopt;
  Secret secret(std::string(reinterpret_cast<const char*>(out.data), out.size));
  explicit_bzero(out.data, out.size);
  gnutls_free(out.data);
  const bool usable = secret.reveal().find(':') != std::string_view::npos &&
                      secret.reveal().find('\0') == std::string_view::npos;
  return usable ? std::optional(std::move(secret)) : std::nullopt;
}

}  // namespace

struct Gate::State {
  struct Known {
    User user;
    std::optional<Tag> proven;
  };
  struct Waiting {
    Answer answer;
    std::string name;
    Tag tag;
    std::uint64_t generation;
  };

  std::unique_ptr<PasswordChecker> checker;
  Tag key{};
  std::vector<Known> users;
  std::uint64_t generation = 0;  ///< of `users`
  std::map<PasswordChecker::Ticket, Waiting> waiting;

  ~State() { explicit_bzero(key.data(), key.size()); }
  [[nodiscard]] std::optional<Tag> tag_of(std::string_view text) const {
    Tag tag{};
    const int made =
        gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.data(), key.size(), text.data(), text.size(), &tag);
    return made == GNUTLS_E_SUCCESS ? std::optional(tag) : std::nullopt;
  }
  Known* find(std::string_view name) {
    const auto it = std::find_if(users.begin(), users.end(),
                                 [&](const Known& one) { return one.user.name == name; });
    return it == users.end() ? nullptr : &*it;
  }
  void answered(PasswordChecker::Ticket ticket, bool right);
};

void Gate::State::answered(PasswordChecker::Ticket ticket, bool right) {
  const auto node = waiting.extract(ticket);
  const Waiting& one = node.mapped();
  if (Known* user = right && one.generation == generation ? find(one.name) : nullptr) {
    user->proven = one.tag;
  }
  one.answer(right ? Verdict::Pass : Verdict::Refuse);
}

Gate::Gate(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gate::~Gate() = default;

Result<std::unique_ptr<Gate>> Gate::open(loop::Loop& loop, const CheckerLimits& limits) {
  auto state = std::make_unique<State>();
  if (gnutls_rnd(GNUTLS_RND_KEY, state->key.data(), state->key.size()) != GNUTLS_E_SUCCESS) {
    return Error{"cannot get random bytes for the verification of passwords"};
  }
  auto checker = PasswordChecker::start(
      loop,
      [s = state.get()](PasswordChecker::Ticket ticket, bool right) { s->answered(ticket, right); },
      limits);
  if (!checker) return checker.error();
  state->checker = std::move(*checker);
  return std::unique_ptr<Gate>(new Gate(std::move(state)));
}

void Gate::admit(std::vector<User> users) {
  state_->users.clear();
  for (User& user : users) state_->users.push_back({std::move(user), std::nullopt});
  ++state_->generation;
}

Gate::Verdict Gate::ask(const char* header, const std::string& client, Answer answer) {
  const auto given = credentials_of(header);
  if (!given || state_->users.empty()) return Verdict::Refuse;
  const std::size_t colon = given->reveal().find(':');
  const std::string_view name = given->reveal().substr(0, colon);
  const auto tag = state_->tag_of(given->reveal());
  const auto of_name = state_->tag_of(name);
  if (!tag || !of_name) return Verdict::Refuse;

  const State::Known* user = state_->find(name);
  if (user != nullptr && user->proven &&
      gnutls_memcmp(user->proven->data(), tag->data(), tag->size()) == 0) {
    return Verdict::Pass;
  }
  // For an unknown name always the same one's hash: which of several costs it has is as fixed as
  // for a name that exists.
  std::size_t stand_in = 0;
  std::memcpy(&stand_in, of_name->data(), sizeof stand_in);
  const auto& asked = user != nullptr ? *user : state_->users[stand_in % state_->users.size()];
  const auto ticket =
      state_->checker->ask(client, asked.user.hash,
                           Secret(std::string(given->reveal().substr(colon + 1))), user != nullptr);
  if (!ticket) return Verdict::Busy;
  state_->waiting.emplace(
      *ticket, State::Waiting{std::move(answer), std::string(name), *tag, state_->generation});
  return Verdict::Wait;
}

}  // namespace relinkd::metrics
