// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace relinkd::config {

void Findings::add(const FilePlace& at, std::string message) {
  findings_.push_back({at, std::move(message)});
}

std::string Findings::name(const FilePlace& at) const {
  if (at.place.line == 0) return files_[at.file];
  return fmt::format("{}:{}", files_[at.file], at.place.line);
}

std::vector<Diagnostic> Findings::sorted() const {
  std::vector<Finding> findings = findings_;
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.at < b.at; });
  std::vector<Diagnostic> diagnostics;
  diagnostics.reserve(findings.size());
  for (Finding& finding : findings) {
    const auto& [file, place] = finding.at;
    diagnostics.push_back({files_[file], place.line, place.column, std::move(finding.message)});
  }
  return diagnostics;
}

const Mark* find_mark(const Marks& marks, std::string_view path) {
  const auto it = marks.find(path);
  return it == marks.end() ? nullptr : &it->second;
}

bool is_valid(const Marks& marks, std::string_view path) {
  const Mark* mark = find_mark(marks, path);
  return mark && mark->is_valid;
}

void TableReader::key(std::string_view name, const Codec& codec) {
  const Node* node = take(name);
  if (!node) return;
  const Problems problems = codec.read(*node);
  for (const Problem& problem : problems) {
    findings_.add({file_, problem.place}, fmt::format("{}: {}", path_of(name), problem.message));
  }
  mark(name, *node, problems.empty());
}

void TableReader::table(std::string_view name, const std::function<void(KeyVisitor&)>& keys) {
  const Node* node = take_table(name);
  if (!node) return;
  TableReader reader(*node, file_, path_of(name), marks_, findings_);
  keys(reader);
  reader.finish();
}

void TableReader::sysctls(std::string_view name, std::map<std::string, std::int64_t>& values) {
  const Node* node = take_table(name);
  if (!node) return;
  const std::string path = path_of(name);
  std::map<std::string, Place> seen;  // in this table: a later file may change a value
  for (const Node& item : node->children) {
    if (item.type == Node::Type::Table) {
      findings_.add({file_, item.key_place},
                    path + ": a key with dots needs quotes: \"net.ipv4.tcp_retries2\" = 5");
      continue;
    }
    const auto key = dotted_sysctl_key(item.key);
    if (!key) {
      findings_.add({file_, item.key_place}, fmt::format("{}: {}", path, key.error().message));
      continue;
    }
    const auto [first, is_new] = seen.emplace(*key, item.key_place);
    if (!is_new) {
      findings_.add({file_, item.key_place},
                    fmt::format("{}: '{}' is already given at {}", path, *key,
                                findings_.name({file_, first->second})));
      continue;
    }
    const auto value = read_sysctl_value(item);
    if (!value) {
      findings_.add({file_, item.place},
                    fmt::format("{}.\"{}\": {}", path, *key, value.error().message));
      continue;
    }
    values[*key] = *value;
    marks_[fmt::format("{}.\"{}\"", path, *key)] = {{file_, item.key_place}};
  }
}

const Node* TableReader::take(std::string_view name) {
  known_.push_back(name);
  return table_.find(name);
}

const Node* TableReader::take_table(std::string_view name) {
  const Node* node = take(name);
  if (!node) return nullptr;
  const bool is_table = node->type == Node::Type::Table;
  mark(name, *node, is_table);
  if (is_table) return node;
  findings_.add({file_, node->place},
                fmt::format("{}: {}", path_of(name), type_error("a table", *node)));
  return nullptr;
}

void TableReader::finish() {
  std::string place = fmt::format("[{}]", path_);
  if (path_.empty()) place = "the configuration";
  if (path_ == kEndpoint || path_ == kApp) place = fmt::format("[[{}]]", path_);
  for (const Node& child : table_.children) {
    if (std::find(known_.begin(), known_.end(), child.key) != known_.end()) continue;
    findings_.add({file_, child.key_place}, unknown_key(child.key, known_, place));
  }
}

std::string TableReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void TableReader::mark(std::string_view name, const Node& node, bool is_valid) {
  marks_[path_of(name)] = {{file_, node.key_place}, is_valid};
}

}  // namespace relinkd::config
