// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace relinkd::relinkctl {

/// Has --help print lines that fit the terminal, and what is used wrongly explained with the
/// nearest command and where its help is. To be called before commands are added: they inherit it.
void use_own_help(CLI::App& app);

/// What stands below the options in a command's --help: `details`, paragraphs that may be empty,
/// and command lines that work. Each is begun with "relinkctl " here.
void explain_use(CLI::App& command, std::string_view details,
                 std::initializer_list<std::string_view> examples);

}  // namespace relinkd::relinkctl
