/// Statements of a generator over the grammar: whatever they are, no answer is a fault of the
/// server's, and the database goes on. SAGITTA_SEED replays a run; SAGITTA_STATEMENTS makes it
/// longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "../../types/test/random_value.h"
#include "harness.h"
#include "statement_generator.h"

namespace sagitta::db::test {
namespace {

uint64_t statements_wanted() {
  const char* text = std::getenv("SAGITTA_STATEMENTS");
  return text == nullptr ? 100'000 : std::strtoull(text, nullptr, 10);
}

/// What travels as 0x0000 (see wire::to_cql_error): the client did nothing wrong.
bool is_server_fault(ErrorCode code) {
  switch (code) {
    case ErrorCode::kProtocol:
    case ErrorCode::kSyntax:
    case ErrorCode::kInvalid:
    case ErrorCode::kFunction:
    case ErrorCode::kConfig:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kUnprepared:
    case ErrorCode::kUnauthorized:
    case ErrorCode::kOverloaded: return false;
    default: return true;
  }
}

class Session {
 public:
  explicit Session(uint64_t seed) : machine_(seed), generator_(seed), values_(seed) { open(); }

  void step() {
    if (steps_++ % 500 == 0) make_schema();
    if (generator_.below(2000) == 0) open();
    if (generator_.below(10) == 0) machine_.clock.advance_us(static_cast<int64_t>(generator_.below(5'000'000)));
    const std::string text = generator_.next();
    const auto answer = generator_.below(2) == 0 ? ask_by_values(text) : ask(*database_, text, options());
    note(text, answer);
  }
  /// How many answers there were of each kind.
  const std::map<std::string, uint64_t>& outcomes() const { return outcomes_; }
  std::map<std::string, std::string> state() const { return database_->state(); }

 private:
  void open() {
    database_.reset();
    Options options;
    options.memory_store = true;
    auto opened = machine_.open(options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
  }
  void make_schema() {
    for (const std::string& text : StatementGenerator::schema()) {
      const auto answer = ask(*database_, text);
      ASSERT_TRUE(answer) << text << ": " << answer.error().to_string();
    }
  }
  RequestOptions options() {
    RequestOptions options;
    options.keyspace = "g";
    if (generator_.below(3) == 0) options.page_size = static_cast<int32_t>(1 + generator_.below(3));
    if (generator_.below(4) == 0) options.paging_state = paging_state_;
    if (generator_.below(8) == 0) options.now_s = machine_.clock.now_us() / 1'000'000 + 100;
    return options;
  }
  /// Prepared, with a value for each marker: mostly one of its type.
  Result<Answer> ask_by_values(const std::string& text) {
    const auto prepared = database_->prepare(text, "g");
    if (!prepared) return fail(prepared);
    RequestOptions options = this->options();
    for (const ColumnSpec& marker : (*prepared)->markers) options.values.push_back(value(*marker.type));
    return ask_prepared(*database_, (*prepared)->id, std::move(options));
  }
  BoundValue value(const types::DataType& type) {
    switch (generator_.below(12)) {
      case 0: return bound_null();
      case 1: return {.value = {}, .unset = true, .name = {}};
      case 2: return bound(Bytes(generator_.below(18), static_cast<char>(generator_.below(256))));
      default: return bound(is_small(type) ? values_.of(type) : Bytes());
    }
  }
  /// A vector may have two thousand million elements.
  static bool is_small(const types::DataType& type) {
    return type.dim() < 1000 &&
           std::ranges::all_of(type.parameters(), [](const auto& parameter) { return is_small(*parameter); });
  }
  void note(const std::string& text, const Result<Answer>& answer) {
    ++outcomes_[answer ? "ok" : std::string(to_string(answer.error().code()))];
    if (!answer) {
      EXPECT_FALSE(is_server_fault(answer.error().code()))
          << steps_ << ": " << text << ": " << answer.error().to_string();
    } else if (const auto* rows = std::get_if<Rows>(&answer->body); rows != nullptr && !rows->paging_state.empty()) {
      paging_state_ = rows->paging_state;
    }
  }

  Machine machine_;
  StatementGenerator generator_;
  types::RandomValues values_;
  std::unique_ptr<Database> database_;
  Bytes paging_state_;
  uint64_t steps_ = 0;
  std::map<std::string, uint64_t> outcomes_;
};

TEST(Statements, GetNoServerError) {
  Session session(types::test_seed());
  const uint64_t wanted = statements_wanted();
  for (uint64_t i = 0; i < wanted && !testing::Test::HasFailure(); ++i) session.step();
  EXPECT_FALSE(session.state().contains("halted"));
  EXPECT_FALSE(session.state().contains("log"));
  uint64_t all = 0;
  for (const auto& [outcome, count] : session.outcomes()) {
    fmt::print("{} {}\n", outcome, count);
    all += count;
  }
  if (testing::Test::HasFailure()) return;
  // A generator whose statements all fail, or never do, tests little.
  EXPECT_GT(session.outcomes().at("ok") * 10, all);
  EXPECT_GT(session.outcomes().at("Invalid") * 10, all);
}

}  // namespace
}  // namespace sagitta::db::test
