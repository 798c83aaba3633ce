// SPDX-License-Identifier: Apache-2.0
#include "resp/command.hpp"

#include <cstddef>
#include <cstring>
#include <new>
#include <vector>

#include <hiredis/hiredis.h>

namespace relinkd::resp {

std::string format_command(std::span<const std::string_view> arguments) {
  std::vector<const char*> texts;
  std::vector<std::size_t> lengths;
  texts.reserve(arguments.size());
  lengths.reserve(arguments.size());
  for (const std::string_view argument : arguments) {
    texts.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* bytes = nullptr;
  // int before hiredis 1.1, long long since; negative only if there is no memory.
  const auto length = redisFormatCommandArgv(&bytes, static_cast<int>(arguments.size()),
                                             texts.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();
  const auto size = static_cast<std::size_t>(length);
  std::string command(bytes, size);
  explicit_bzero(bytes, size);  // an argument may be a password
  redisFreeCommand(bytes);
  return command;
}

std::string format_command(std::initializer_list<std::string_view> arguments) {
  return format_command(std::span<const std::string_view>(arguments.begin(), arguments.size()));
}

}  // namespace relinkd::resp
