// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"

namespace relinkd::config {

/// A place in one of the files of a run, which are numbered in the order in which they are read.
struct FilePlace {
  std::size_t file = 0;
  Place place;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a <=> b < 0 for a pointer.
  friend auto operator<=>(const FilePlace&, const FilePlace&) = default;
};

/// All that is wrong with the files of a run.
class Findings {
 public:
  explicit Findings(std::vector<std::string> files) : files_(std::move(files)) {}

  void add(const FilePlace& at, std::string message);
  /// "FILE:LINE", or the file alone where there is no line.
  [[nodiscard]] std::string name(const FilePlace& at) const;
  /// By file, line and column; those of one place in the order of their discovery.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;

 private:
  struct Finding {
    FilePlace at;
    std::string message;
  };
  std::vector<std::string> files_;
  std::vector<Finding> findings_;
};

/// The path of every [[endpoint]] and of every [[app]]: marks and messages are of one at a time.
inline constexpr std::string_view kEndpoint = "endpoint";
inline constexpr std::string_view kApp = "app";

/// Where a key was given, last. One whose value was refused still hides the default, about which
/// nothing should then be said.
struct Mark {
  FilePlace at;
  bool is_valid = true;
};
/// By path: "watch.keepalive.idle". Tables have marks too.
using Marks = std::map<std::string, Mark, std::less<>>;
/// Null: the key was not given.
const Mark* find_mark(const Marks& marks, std::string_view path);
/// The same, and its value was not refused.
bool is_valid(const Marks& marks, std::string_view path);

/// Reads the keys that it is shown from one table of one file, and finds those that nobody asked
/// for.
class TableReader : public KeyVisitor {
 public:
  /// `path` is the table's, "" for a whole file. `marks` and `findings` are filled.
  TableReader(const Node& table, std::size_t file, std::string path, Marks& marks,
              Findings& findings)
      : table_(table), file_(file), path_(std::move(path)), marks_(marks), findings_(findings) {}

  void key(std::string_view name, const Codec& codec) override;
  void table(std::string_view name, const std::function<void(KeyVisitor&)>& keys) override;
  void sysctls(std::string_view name, std::map<std::string, std::int64_t>& values) override;

  /// The value of a key that is known, or null. It is the caller's to read.
  const Node* take(std::string_view name);
  /// After the last key: names the ones that are not known.
  void finish();

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const;
  void mark(std::string_view name, const Node& node, bool is_valid);
  const Node* take_table(std::string_view name);

  const Node& table_;
  std::size_t file_;
  std::string path_;
  Marks& marks_;
  Findings& findings_;
  std::vector<std::string_view> known_;
};

}  // namespace relinkd::config
