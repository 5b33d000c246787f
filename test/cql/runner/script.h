/// The text of a `.test` file, taken apart: paragraphs of steps, each with what its last step
/// should answer. README.md beside the files says the format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sagitta/base/result.h"

namespace sagitta::cql_test {

enum class StepKind : uint8_t {
  kStatement,  ///< `text` is CQL
  kExecute,    ///< `text` is the name that `prepare:` gave
  kAdvance,    ///< `text` is a time: "10s"
  kRestart,
  kCrash,
};

/// One thing to do, with the settings that stand before it.
struct Step {
  size_t line = 0;  ///< from 1
  StepKind kind = StepKind::kStatement;
  std::string text;
  std::vector<std::string> values;  ///< one run for each; none: one run without values
  std::string prepare_as;
  std::string consistency;
  std::optional<int64_t> page_size, timestamp_us;
};

struct Paragraph {
  std::string skip;   ///< why it is not run; empty: it is
  std::string batch;  ///< "logged", "unlogged", "counter"; empty: each statement is a request of its own
  bool any_order = false;
  std::vector<Step> steps;
  std::vector<std::string> expected;  ///< as written; nothing stands for "ok"
  size_t expected_line = 0;           ///< from 0: where the expectation begins, or would
};

/// Errors of the parser: kSyntax "line 12: ...".
Result<std::vector<Paragraph>> parse_script(const std::vector<std::string>& lines);

std::vector<std::string> split_lines(std::string_view text);
/// At commas outside of quotes and brackets; without blanks around.
std::vector<std::string> split_values(std::string_view text);
/// "10s", "5 ms", "2d" in microseconds; units: us, ms, s, m, h, d. kSyntax for anything else.
Result<int64_t> parse_time_us(std::string_view text);
/// Whether these lines are what the paragraph expects.
bool is_expected(const Paragraph& paragraph, std::vector<std::string> seen);
/// Whether `line` is what `pattern` says, in which "..." stands for any text.
bool matches(std::string_view pattern, std::string_view line);

/// The lines of a file with the expectations of some paragraphs, in file order, replaced by what
/// was seen.
std::vector<std::string> with_expectations(
    const std::vector<std::string>& lines,
    const std::vector<std::pair<const Paragraph*, std::vector<std::string>>>& replacements);

}  // namespace sagitta::cql_test
