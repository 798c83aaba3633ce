// SPDX-License-Identifier: Apache-2.0
#include "config/document.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "base/text.hpp"

namespace relinkd::config {

namespace {

// A thousand endpoints with every key set take about 1 MiB. What is larger is the wrong file.
constexpr std::size_t kMaxText = std::size_t{4} << 20;

// The deepest key there is has 3 levels. toml++ 3.3 bounds arrays and inline tables at 256, but not
// dotted keys, and frees its tree by recursion: a key of 300,000 parts overflows the stack.
constexpr std::size_t kMaxDepth = 32;

/// Follows only as much of TOML's syntax as decides how deep the tree would become. Where the text
/// is not TOML it may be wrong, which does no harm: the parser stops there.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  /// Where the text becomes deeper than kMaxDepth, if it does.
  std::optional<Place> too_deep() {
    while (at_ < text_.size()) {
      const Place here{line_, static_cast<std::uint32_t>(at_ - line_start_) + 1};
      step();
      if (depth_ > kMaxDepth) return here;
    }
    return std::nullopt;
  }

 private:
  void step() {
    const char c = text_[at_];
    switch (c) {
      case '"':
      case '\'': skip_string(c); return;
      case '#': at_ = std::min(text_.find('\n', at_), text_.size()); return;
      case '\n': end_line(); break;
      case '[':
      case '{': open(); break;
      case ']':
      case '}': close(); break;
      case ',': next_item(); break;
      case '.': deepen(); break;
      default: break;
    }
    if (c != '\n' && c != ' ' && c != '\t' && c != '\r') line_is_blank_ = false;
    ++at_;
  }

  void end_line() {
    ++line_;
    line_start_ = at_ + 1;
    if (!open_.empty()) return;
    in_header_ = false;
    line_is_blank_ = true;
    depth_ = header_depth_ + 1;
  }

  void open() {
    if (in_header_) return;
    if (open_.empty() && line_is_blank_) {
      in_header_ = true;
      depth_ = header_depth_ = 1;
      return;
    }
    open_.push_back(depth_++);
  }

  void close() {
    if (in_header_ || open_.empty()) return;
    depth_ = open_.back();
    open_.pop_back();
  }

  void next_item() {
    if (!open_.empty()) depth_ = open_.back() + 1;
  }

  void deepen() {
    ++depth_;
    if (in_header_) header_depth_ = depth_;
  }

  void skip_string(char quote) {
    line_is_blank_ = false;
    const std::string three(3, quote);
    const bool many_lines = text_.substr(at_).starts_with(three);
    at_ += many_lines ? 3 : 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        if (!many_lines) return;
        ++line_;
        line_start_ = at_ + 1;
      } else if (c == '\\' && quote == '"') {
        // What is escaped may be a quote, never a line break: that is left to be counted.
        if (at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
      } else if (c == quote && (!many_lines || text_.substr(at_).starts_with(three))) {
        at_ += many_lines ? 3 : 1;
        // Up to two quotes may stand right before the closing three.
        for (int i = 0; many_lines && i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) {
          ++at_;
        }
        return;
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::size_t line_start_ = 0;
  bool line_is_blank_ = true;
  bool in_header_ = false;
  std::size_t header_depth_ = 0;
  std::size_t depth_ = 1;
  std::vector<std::size_t> open_;  // the depth outside each open bracket
};

Place to_place(const toml::source_position& position) { return {position.line, position.column}; }

Node::Type to_type(toml::node_type type) {
  switch (type) {
    case toml::node_type::string: return Node::Type::String;
    case toml::node_type::integer: return Node::Type::Integer;
    case toml::node_type::floating_point: return Node::Type::Float;
    case toml::node_type::boolean: return Node::Type::Boolean;
    case toml::node_type::array: return Node::Type::Array;
    case toml::node_type::table: return Node::Type::Table;
    case toml::node_type::none:
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: break;
  }
  return Node::Type::DateTime;
}

Node to_node(const toml::node& from) {
  Node node;
  node.type = to_type(from.type());
  node.place = to_place(from.source().begin);
  if (const auto* text = from.as_string()) node.text = text->get();
  if (const auto* integer = from.as_integer()) node.integer = integer->get();
  if (const auto* boolean = from.as_boolean()) node.boolean = boolean->get();
  if (const auto* array = from.as_array()) {
    for (const toml::node& item : *array) node.children.push_back(to_node(item));
  }
  if (const auto* table = from.as_table()) {
    for (const auto& [key, value] : *table) {
      Node child = to_node(value);
      child.key = key.str();
      child.key_place = to_place(key.source().begin);
      node.children.push_back(std::move(child));
    }
    std::sort(node.children.begin(), node.children.end(),
              [](const Node& a, const Node& b) { return a.key_place < b.key_place; });
  }
  return node;
}

std::string without_value(std::string_view description) {
  // "Error while parsing decimal integer: '123…' is not representable in 64 bits"
  const std::size_t quote = description.find('\'');
  const std::size_t end = description.find("' is not representable");
  if (end == std::string_view::npos) return printable(description, 200);
  return printable(description.substr(0, quote), 200) + "the number" +
         std::string(description.substr(end + 1));
}

}  // namespace

const Node* Node::find(std::string_view name) const {
  const auto it = std::find_if(children.begin(), children.end(),
                               [name](const Node& child) { return child.key == name; });
  return it == children.end() ? nullptr : &*it;
}

bool Node::is_array_of_tables() const {
  return type == Type::Array && !children.empty() &&
         std::all_of(children.begin(), children.end(),
                     [](const Node& child) { return child.type == Type::Table; });
}

std::string_view describe_type(const Node& node) {
  switch (node.type) {
    case Node::Type::String: return "a string";
    case Node::Type::Integer: return "an integer";
    case Node::Type::Float: return "a float";
    case Node::Type::Boolean: return "a boolean";
    case Node::Type::DateTime: return "a date or time";
    case Node::Type::Array: return node.is_array_of_tables() ? "an array of tables" : "an array";
    case Node::Type::Table: return "a table";
  }
  return {};
}

Document parse_document(std::string_view text) {
  if (text.size() > kMaxText) {
    return {{}, Problem{{}, fmt::format("larger than {} MiB", kMaxText >> 20)}};
  }
  if (const auto place = DepthScan(text).too_deep()) {
    return {{}, Problem{*place, fmt::format("more than {} levels of tables", kMaxDepth)}};
  }
  // Debian's shared library has only the variant with exceptions. They end here.
  try {
    return {to_node(toml::parse(text)), std::nullopt};
  } catch (const toml::parse_error& error) {
    return {{}, Problem{to_place(error.source().begin), without_value(error.description())}};
  }
}

}  // namespace relinkd::config
