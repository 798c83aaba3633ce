// SPDX-License-Identifier: Apache-2.0
#include "resp/reply.hpp"

#include <optional>
#include <utility>

namespace relinkd::resp {
namespace {

std::optional<ErrorKind> kind_of_word(std::string_view word) {
  static constexpr std::pair<std::string_view, ErrorKind> kWords[] = {
      {"NOAUTH", ErrorKind::NoAuth},     {"WRONGPASS", ErrorKind::WrongPass},
      {"NOPERM", ErrorKind::NoPerm},     {"LOADING", ErrorKind::Loading},
      {"BUSY", ErrorKind::Busy},         {"MASTERDOWN", ErrorKind::MasterDown},
      {"READONLY", ErrorKind::ReadOnly},
  };
  for (const auto& [known, kind] : kWords) {
    if (word == known) return kind;
  }
  return std::nullopt;
}

/// What follows "ERR ", by how it starts. The texts are those of the servers' sources.
ErrorKind kind_of_sentence(std::string_view sentence) {
  static constexpr std::pair<std::string_view, ErrorKind> kSentences[] = {
      // "… reached", in cluster mode "… + cluster connections reached"
      {"max number of clients", ErrorKind::MaxClients},
      {"unknown command", ErrorKind::Unknown},
      {"unknown subcommand", ErrorKind::Unknown},                          // since 7.0
      {"Unknown subcommand or wrong number", ErrorKind::Unknown},          // 5.0 to 6.2
      {"operation not permitted", ErrorKind::NoAuth},                      // before 2.8
      {"invalid password", ErrorKind::WrongPass},                          // before 6.0
      {"Client sent AUTH, but no password is set", ErrorKind::WrongPass},  // before 6.0
      {"AUTH <password> called without any password configured", ErrorKind::WrongPass},
  };
  for (const auto& [start, kind] : kSentences) {
    if (sentence.starts_with(start)) return kind;
  }
  return ErrorKind::Other;
}

}  // namespace

ErrorKind error_kind(std::string_view error_text) {
  constexpr std::string_view kGeneric = "ERR ";
  const bool generic = error_text.starts_with(kGeneric);
  if (generic) error_text.remove_prefix(kGeneric.size());
  if (const auto kind = kind_of_word(error_text.substr(0, error_text.find(' ')))) return *kind;
  return generic ? kind_of_sentence(error_text) : ErrorKind::Other;
}

}  // namespace relinkd::resp
