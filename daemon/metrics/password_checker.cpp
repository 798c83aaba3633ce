// SPDX-License-Identifier: Apache-2.0
#include "metrics/password_checker.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <crypt.h>
#include <gnutls/gnutls.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "loop/fd.hpp"

namespace relinkd::metrics {

namespace {

/// crypt_r(3), and a comparison whose time tells nothing of where the two differ.
bool matches(std::string password, const std::string& hash, crypt_data& data) {
  const char* made = crypt_r(password.c_str(), hash.c_str(), &data);
  const bool same = made != nullptr && std::string_view(made).size() == hash.size() &&
                    gnutls_memcmp(made, hash.data(), hash.size()) == 0;
  wipe(password);
  // Inside are the password and what was made of it.
  explicit_bzero(&data, sizeof data);
  return same;
}

}  // namespace

struct PasswordChecker::State {
  struct Question {
    Ticket ticket;
    std::string hash;
    Secret password;
    bool may_be_right;
  };
  struct Answered {
    Ticket ticket;
    bool right;
  };

  Answer answer;
  CheckerLimits limits;
  loop::Fd wake;
  std::optional<loop::FdWatch> watch{};
  Ticket last_ticket = 0;
  std::map<Ticket, std::string> clients{};  ///< of all that wait for an answer

  std::mutex mutex{};
  std::condition_variable news{};
  std::deque<Question> questions{};  // the mutex guards these three
  std::vector<Answered> answered{};
  bool ends = false;
  std::thread thread{};

  State(Answer a, const CheckerLimits& l, int fd) : answer(std::move(a)), limits(l), wake(fd) {}
  void work();
  void hand_over();
};

void PasswordChecker::State::work() {
  // 32 KB, which a thread's stack need not hold.
  const auto data = std::make_unique<crypt_data>();
  std::unique_lock lock(mutex);
  for (;;) {
    news.wait(lock, [this] { return ends || !questions.empty(); });
    if (ends) return;
    Question question = std::move(questions.front());
    questions.pop_front();
    lock.unlock();
    const auto began = loop::Loop::clock();
    const bool same = matches(std::string(question.password.reveal()), question.hash, *data);
    const Duration took = loop::Loop::clock() - began;
    lock.lock();
    const bool right = same && question.may_be_right;
    answered.push_back({question.ticket, right});
    // Full it cannot be: the loop empties it, and it counts to 2^64.
    eventfd_write(wake.get(), 1);
    if (!right) news.wait_for(lock, std::max(took, limits.rest), [this] { return ends; });
  }
}

void PasswordChecker::State::hand_over() {
  eventfd_t count = 0;
  eventfd_read(wake.get(), &count);
  std::vector<Answered> all;
  {
    const std::scoped_lock lock(mutex);
    all.swap(answered);
  }
  for (const Answered& one : all) {
    clients.erase(one.ticket);
    answer(one.ticket, one.right);
  }
}

PasswordChecker::PasswordChecker(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<PasswordChecker>> PasswordChecker::start(loop::Loop& loop, Answer answer,
                                                                const CheckerLimits& limits) {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return system_error(errno, "cannot start the verification of passwords");
  auto state = std::make_unique<State>(std::move(answer), limits, fd);
  // The loop reads signals from a descriptor: no thread may take them from it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::error_code failed;
  try {
    state->thread = std::thread([s = state.get()] { s->work(); });
  } catch (const std::system_error& error) {
    failed = error.code();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed) return system_error(failed.value(), "cannot start the verification of passwords");
  state->watch.emplace(loop, fd, EPOLLIN, [s = state.get()](std::uint32_t) { s->hand_over(); });
  return std::unique_ptr<PasswordChecker>(new PasswordChecker(std::move(state)));
}

PasswordChecker::~PasswordChecker() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->ends = true;
  }
  state_->news.notify_one();
  state_->thread.join();
}

std::optional<PasswordChecker::Ticket> PasswordChecker::ask(const std::string& client,
                                                            std::string hash, Secret password,
                                                            bool may_be_right) {
  auto& clients = state_->clients;
  const auto of_client = std::count_if(clients.begin(), clients.end(),
                                       [&](const auto& one) { return one.second == client; });
  if (clients.size() >= state_->limits.waiting ||
      static_cast<std::size_t>(of_client) >= state_->limits.waiting_per_client) {
    return std::nullopt;
  }
  const Ticket ticket = ++state_->last_ticket;
  clients.emplace(ticket, client);
  {
    const std::scoped_lock lock(state_->mutex);
    state_->questions.push_back({ticket, std::move(hash), std::move(password), may_be_right});
  }
  state_->news.notify_one();
  return ticket;
}

}  // namespace relinkd::metrics
