/// The format of README.md, line by line.
#include "script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sagitta::cql_test {
namespace {

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

bool is_comment(std::string_view line) { return line.starts_with('#'); }

/// `word: rest`, with the word in lower case.
struct Directive {
  std::string_view word, rest;
};

constexpr std::array kSettings{"values", "prepare", "page", "timestamp", "consistency", "batch", "any order", "skip"};
constexpr std::array<std::pair<std::string_view, StepKind>, 4> kActions{{{"execute", StepKind::kExecute},
                                                                         {"advance", StepKind::kAdvance},
                                                                         {"restart", StepKind::kRestart},
                                                                         {"crash", StepKind::kCrash}}};

std::optional<Directive> directive_of(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  return Directive{line.substr(0, colon), trim(line.substr(colon + 1))};
}

std::optional<StepKind> action_of(std::string_view line) {
  const auto directive = directive_of(line);
  if (!directive) return {};
  const auto* found = std::ranges::find(kActions, directive->word, &std::pair<std::string_view, StepKind>::first);
  return found == kActions.end() ? std::nullopt : std::optional(found->second);
}

bool is_setting(const Directive& directive) { return std::ranges::find(kSettings, directive.word) != kSettings.end(); }

bool ends_step(std::string_view line) { return line.ends_with(';') || action_of(line).has_value(); }

Result<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::kSyntax, fmt::format("'{}' is not a number", text));
  }
  return value;
}

Status number_to(std::optional<int64_t>& target, std::string_view text) {
  SAGITTA_TRY(target, number(text));
  return {};
}

/// Reads the lines of one paragraph up to its expectation.
class ParagraphReader {
 public:
  ParagraphReader(const std::vector<std::string>& lines, size_t begin, size_t end) : lines_(lines), end_(end) {
    steps_end_ = begin;
    for (size_t at = begin; at < end; ++at) {
      if (!is_comment(lines[at]) && ends_step(trim(lines[at]))) steps_end_ = at + 1;
    }
    at_ = begin;
  }

  Result<Paragraph> read() {
    while (at_ < steps_end_) {
      auto status = read_line(trim(lines_[at_]));
      if (!status) return fail(ErrorCode::kSyntax, fmt::format("line {}: {}", at_ + 1, status.error().message()));
      ++at_;
    }
    result_.expected_line = steps_end_;
    for (size_t at = steps_end_; at < end_; ++at) {
      if (is_comment(lines_[at])) continue;
      if (result_.steps.empty()) return fail(ErrorCode::kSyntax, fmt::format("line {}: no statement", at + 1));
      result_.expected.emplace_back(trim(lines_[at]));
    }
    return std::move(result_);
  }

 private:
  Status read_line(std::string_view line) {
    if (is_comment(line)) return {};
    const auto directive = directive_of(line);
    if (statement_.empty() && directive && is_setting(*directive)) return set(*directive);
    if (statement_.empty()) next_.line = at_ + 1;
    if (const auto action = action_of(line); statement_.empty() && action) {
      next_.kind = *action;
      next_.text = directive->rest;
      result_.steps.push_back(std::exchange(next_, {}));
      return {};
    }
    statement_ += statement_.empty() ? line : "\n" + std::string(line);
    if (is_whole()) {
      next_.text = std::exchange(statement_, {});
      result_.steps.push_back(std::exchange(next_, {}));
    }
    return {};
  }

  /// A BATCH in CQL holds statements that end in semicolons of their own.
  bool is_whole() const {
    return statement_.starts_with("BEGIN ") ? statement_.ends_with("APPLY BATCH;") : statement_.ends_with(';');
  }

  Status set(const Directive& directive) {
    const std::string_view word = directive.word;
    if (word == "values") next_.values.emplace_back(directive.rest);
    if (word == "prepare") next_.prepare_as = directive.rest;
    if (word == "consistency") next_.consistency = directive.rest;
    if (word == "page") return number_to(next_.page_size, directive.rest);
    if (word == "timestamp") return number_to(next_.timestamp_us, directive.rest);
    if (word == "batch") result_.batch = directive.rest;
    if (word == "any order") result_.any_order = true;
    if (word == "skip") result_.skip = directive.rest.empty() ? "no reason given" : directive.rest;
    return {};
  }

  const std::vector<std::string>& lines_;
  size_t at_ = 0, end_ = 0, steps_end_ = 0;
  Paragraph result_;
  Step next_;
  std::string statement_;
};

}  // namespace

Result<std::vector<Paragraph>> parse_script(const std::vector<std::string>& lines) {
  std::vector<Paragraph> paragraphs;
  for (size_t begin = 0; begin < lines.size();) {
    size_t end = begin;
    while (end < lines.size() && !trim(lines[end]).empty()) ++end;
    SAGITTA_TRY(auto paragraph, ParagraphReader(lines, begin, end).read());
    if (!paragraph.steps.empty()) paragraphs.push_back(std::move(paragraph));
    begin = end + 1;
  }
  return paragraphs;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::vector<std::string> split_values(std::string_view text) {
  std::vector<std::string> values;
  bool quoted = false;
  int depth = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{' || c == '(') ++depth;
    if (c == ']' || c == '}' || c == ')') --depth;
    if (c == ',' && depth == 0) {
      values.emplace_back(trim(text.substr(begin, at - begin)));
      begin = at + 1;
    }
  }
  if (!trim(text).empty()) values.emplace_back(trim(text.substr(begin)));
  return values;
}

Result<int64_t> parse_time_us(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, int64_t>, 6> kUnits{
      {{"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}}};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = number(text.substr(0, digits));
  const std::string_view unit = trim(text.substr(digits));
  const auto* found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, int64_t>::first);
  if (!count || found == kUnits.end()) return fail(ErrorCode::kSyntax, fmt::format("'{}' is not a time", text));
  return *count * found->second;
}

bool is_expected(const Paragraph& paragraph, std::vector<std::string> seen) {
  auto expected = paragraph.expected;
  if (expected.empty()) expected.emplace_back("ok");
  if (paragraph.any_order) {
    std::ranges::sort(expected);
    std::ranges::sort(seen);
  }
  return std::ranges::equal(expected, seen, matches);
}

bool matches(std::string_view pattern, std::string_view line) {
  const size_t dots = pattern.find("...");
  if (dots == std::string_view::npos) return pattern == line;
  if (!line.starts_with(pattern.substr(0, dots))) return false;
  const std::string_view rest = pattern.substr(dots + 3);
  for (size_t at = dots; at <= line.size(); ++at) {
    if (matches(rest, line.substr(at))) return true;
  }
  return false;
}

std::vector<std::string> with_expectations(
    const std::vector<std::string>& lines,
    const std::vector<std::pair<const Paragraph*, std::vector<std::string>>>& replacements) {
  std::vector<std::string> result;
  size_t at = 0;
  for (const auto& [paragraph, seen] : replacements) {
    result.insert(result.end(), lines.begin() + static_cast<ptrdiff_t>(at),
                  lines.begin() + static_cast<ptrdiff_t>(paragraph->expected_line));
    at = paragraph->expected_line;
    for (; at < lines.size() && !trim(lines[at]).empty(); ++at) {
      if (is_comment(lines[at])) result.push_back(lines[at]);
    }
    if (seen != std::vector<std::string>{"ok"}) result.insert(result.end(), seen.begin(), seen.end());
  }
  result.insert(result.end(), lines.begin() + static_cast<ptrdiff_t>(at), lines.end());
  return result;
}

}  // namespace sagitta::cql_test
