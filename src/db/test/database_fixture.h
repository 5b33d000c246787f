/// A database in memory, and statements asked of it as text.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sagitta/types/value.h"

#include "harness.h"

namespace sagitta::db::test {

inline constexpr const char* kKeyspace =
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}";

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() { reopen(); }
  void reopen(Options options = {}) {
    database_.reset();
    auto opened = machine_.open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
  }
  Answer must(const std::string& text, RequestOptions options = {}) {
    options.keyspace = keyspace_;
    auto answer = ask(*database_, text, std::move(options));
    EXPECT_TRUE(answer) << text << "\n" << answer.error().to_string();
    return answer ? *answer : Answer{Void{}, {}, {}};
  }
  std::string error_of(const std::string& text, RequestOptions options = {}) {
    options.keyspace = keyspace_;
    return outcome(ask(*database_, text, std::move(options)));
  }
  /// Rows as text: ints and bigints as numbers, the rest as it is.
  std::vector<std::string> show(const std::string& text, RequestOptions options = {}) {
    options.keyspace = keyspace_;
    std::vector<std::string> shown;
    for (;;) {
      auto answer = ask(*database_, text, options);
      EXPECT_TRUE(answer) << text << "\n" << answer.error().to_string();
      if (!answer) return shown;
      const auto* rows = std::get_if<Rows>(&answer->body);
      if (rows == nullptr) return shown;
      for (const auto& row : rows_of(*answer)) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
          line += (i > 0 ? "|" : "") + types::to_literal(*rows->metadata->columns[i].type, to_view(row[i]));
        }
        shown.push_back(std::move(line));
      }
      ++pages_;
      if (rows->paging_state.empty()) return shown;
      options.paging_state = rows->paging_state;
    }
  }
  void use_keyspace() {
    must(kKeyspace);
    keyspace_ = "ks";
  }

  Machine machine_{1};
  std::unique_ptr<Database> database_;
  std::string keyspace_;
  int pages_ = 0;
};

}  // namespace sagitta::db::test
