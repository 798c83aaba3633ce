// SPDX-License-Identifier: Apache-2.0
#include "relinkctl/help.hpp"

#include <memory>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/text.hpp"
#include "relinkctl/output.hpp"

namespace relinkd::relinkctl {

namespace {

/// Where the descriptions of options and commands begin.
constexpr std::size_t kColumn = 26;
/// Under names instead of beside them on a terminal that leaves less than this.
constexpr std::size_t kNarrowestDescription = 24;
constexpr std::size_t kIndent = 2;

class Formatter : public CLI::Formatter {
 public:
  Formatter() {
    label("SUBCOMMAND", "COMMAND");
    // Options that take something say what; that a positional is required, the usage line shows.
    label("TEXT", "");
    label("REQUIRED", "");
  }

  std::string make_description(const CLI::App* app) const override {
    return paragraphs(app->get_description()) + '\n';
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const std::string name =
        make_option_name(option, is_positional) + (is_positional ? "" : make_option_opts(option));
    return entry(name, make_option_desc(option));
  }

  std::string make_subcommand(const CLI::App* command) const override {
    return entry(command->get_name(), command->get_description());
  }

  std::string make_footer(const CLI::App* app) const override {
    return paragraphs(app->get_footer());
  }

 private:
  static std::string paragraphs(const std::string& text) {
    std::string out;
    for (const std::string_view line : split(text, '\n')) {
      // An example is to be copied as it stands.
      const bool example = !line.empty() && line[0] == ' ';
      for (const auto& part : wrap(line, example ? 0 : screen().width, 0)) out += part + '\n';
    }
    return out;
  }

  static std::string entry(std::string_view name, std::string_view description) {
    const std::size_t width = screen().width;
    const bool beside = width == 0 || width >= kColumn + kNarrowestDescription;
    std::string out = std::string(kIndent, ' ') + std::string(trim(name));
    const std::size_t column = beside ? kColumn : 2 * kIndent;
    const auto lines = wrap(description, width, column);
    if (beside && width_of(out) < column) {
      return out.append(column - width_of(out), ' ') + std::string(trim(lines[0])) + '\n' +
             fmt::format("{}{}", fmt::join(lines.begin() + 1, lines.end(), "\n"),
                         lines.size() > 1 ? "\n" : "");
    }
    return fmt::format("{}\n{}\n", out, fmt::join(lines, "\n"));
  }
};

/// "relinkctl config check", as far as the command line has come.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* found = &app;
  while (!found->get_subcommands().empty()) found = found->get_subcommands().front();
  return *found;
}

std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return (parent != nullptr ? path_of(*parent) + ' ' : "") + command.get_name();
}

std::string why(const CLI::App& app, const CLI::Error& error) {
  const CLI::App& command = innermost(app);
  const auto left = app.remaining(/*recurse=*/true);
  const auto below = command.get_subcommands([](const CLI::App*) { return true; });
  const auto is = [&error](CLI::ExitCodes code) {
    return error.get_exit_code() == static_cast<int>(code);
  };
  const bool lacks_command = is(CLI::ExitCodes::RequiredError) && !below.empty();
  if (lacks_command && left.empty()) return "a command is missing";
  if (!lacks_command && (!is(CLI::ExitCodes::ExtrasError) || left.empty())) return error.what();
  const std::string& word = left.front();
  const bool option = word[0] == '-';
  std::vector<std::string> names;
  for (const CLI::App* one : below) {
    if (!option) names.push_back(one->get_name());
  }
  for (const CLI::App* one = &command; option && one != nullptr; one = one->get_parent()) {
    for (const CLI::Option* known : one->get_options()) {
      if (known->nonpositional()) names.push_back("--" + known->get_lnames().front());
    }
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = nearest(word, candidates);
  const std::string hint = near ? fmt::format("; did you mean \"{}\"?", *near) : "";
  if (near == word) {
    return fmt::format("{} stands behind the command that it belongs to, or is given twice", word);
  }
  if (option) return fmt::format("there is no option \"{}\"{}", clean(word), hint);
  if (below.empty()) return fmt::format("\"{}\" is one argument too many", clean(word));
  return fmt::format("there is no command \"{}\"{}", clean(word), hint);
}

}  // namespace

void use_own_help(CLI::App& app) {
  app.formatter(std::make_shared<Formatter>());
  app.set_help_flag("-h,--help", "Print this help");
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return fmt::format("relinkctl: {}\nSee: {} --help\n", why(*failed, error),
                       path_of(innermost(*failed)));
  });
}

void explain_use(CLI::App& command, std::string_view details,
                 std::initializer_list<std::string_view> examples) {
  std::string footer(details);
  footer += footer.empty() ? "Examples:" : "\n\nExamples:";
  for (const std::string_view one : examples) footer += fmt::format("\n  relinkctl {}", one);
  command.footer(footer);
}

}  // namespace relinkd::relinkctl
