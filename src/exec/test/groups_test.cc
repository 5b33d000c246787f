/// GROUP BY, its limits and its order against a naive grouping of the same rows. The seed is
/// printed; SAGITTA_SEED replays.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "../../types/test/random_value.h"
#include "fixture.h"

namespace sagitta::exec {
namespace {

using schema::ColumnKind;
using types::Kind;

/// A row of x.t (p, a, b DESC, x), as numbers; x may be null.
struct Numbers {
  int p = 0, a = 0, b = 0;
  std::optional<int> x;

  std::vector<int> key() const { return {p, a, b}; }
};

struct Question {
  /// Columns of the primary key to group by; 0: all rows are one group.
  size_t prefix = 0;
  std::optional<uint64_t> limit, per_partition;
};

std::string or_null(std::optional<int> value) { return value ? std::to_string(*value) : "null"; }

class GroupsTest : public RowsTest {
 protected:
  GroupsTest()
      : RowsTest({column(1, "p", Kind::kInt, ColumnKind::kPartitionKey),
                  column(2, "a", Kind::kInt, ColumnKind::kClustering),
                  column(3, "b", Kind::kInt, ColumnKind::kClustering, true),
                  column(4, "x", Kind::kInt, ColumnKind::kRegular)}) {
    for (uint64_t i = 0, n = random_values_.below(60); i < n; ++i) add_random();
  }

  void add_random() {
    const auto number = [&](uint64_t bound) { return static_cast<int>(random_values_.below(bound)); };
    const Numbers row{number(4), number(3), number(4),
                      random_values_.below(4) == 0 ? std::nullopt : std::optional(number(100) - 50)};
    rows_->add({{"p", types::from_int32(row.p)},
                {"a", types::from_int32(row.a)},
                {"b", types::from_int32(row.b)},
                {"x", row.x ? Value(types::from_int32(*row.x)) : Value()}});
    by_key_[row.key()] = row;
  }

  /// The rows in the order of a scan.
  std::vector<Numbers> scan() {
    std::vector<Numbers> rows;
    for (const std::string& line : show("SELECT p, a, b FROM t")) {
      std::vector<int> key(3);
      EXPECT_EQ(std::sscanf(line.c_str(), "%d|%d|%d", &key[0], &key[1], &key[2]), 3) << line;
      rows.push_back(by_key_.at(key));
    }
    EXPECT_EQ(rows.size(), by_key_.size());
    return rows;
  }

  static std::string summary(const std::vector<Numbers>& group) {
    int counted = 0, sum = 0;
    std::optional<int> least, most;
    for (const Numbers& row : group) {
      if (!row.x) continue;
      ++counted;
      sum += *row.x;
      least = std::min(least.value_or(*row.x), *row.x);
      most = std::max(most.value_or(*row.x), *row.x);
    }
    const std::optional<int> first = group.empty() ? std::nullopt : group[0].x;
    const std::optional<int> spread = least ? std::optional(*most - *least) : std::nullopt;
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", or_null(first), group.size(), counted, or_null(least), or_null(most),
                       sum, counted == 0 ? 0 : sum / counted, or_null(spread));
  }

  std::vector<std::string> expected(const Question& question) {
    std::vector<std::vector<Numbers>> groups;
    for (const Numbers& row : scan()) {
      const auto same = [&](const Numbers& other) {
        return std::ranges::equal(row.key() | std::views::take(question.prefix),
                                  other.key() | std::views::take(question.prefix));
      };
      if (groups.empty() || !same(groups.back()[0])) groups.emplace_back();
      groups.back().push_back(row);
    }
    if (question.prefix == 0 && groups.empty()) groups.emplace_back();
    std::vector<std::string> lines;
    std::map<int, uint64_t> in_partition;
    for (const auto& group : groups) {
      if (!group.empty() && in_partition[group[0].p]++ >= question.per_partition.value_or(UINT64_MAX)) continue;
      if (lines.size() < question.limit.value_or(UINT64_MAX)) lines.push_back(summary(group));
    }
    return lines;
  }

  static std::string text(const Question& question) {
    static constexpr const char* kGroups[] = {"", " GROUP BY p", " GROUP BY p, a", " GROUP BY p, a, b"};
    std::string text = "SELECT x, count(*), count(x), min(x), max(x), sum(x), avg(x), max(x) - min(x) FROM t";
    text += kGroups[question.prefix];
    if (question.per_partition) text += fmt::format(" PER PARTITION LIMIT {}", *question.per_partition);
    if (question.limit) text += fmt::format(" LIMIT {}", *question.limit);
    return text;
  }

  types::RandomValues random_values_{types::test_seed()};
  std::map<std::vector<int>, Numbers> by_key_;
};

TEST_F(GroupsTest, AgreeWithANaiveGrouping) {
  for (int round = 0; round < 300; ++round) {
    if (round % 3 == 0) add_random();
    Question question{.prefix = random_values_.below(4), .limit = {}, .per_partition = {}};
    if (random_values_.below(2) == 0) question.limit = 1 + random_values_.below(6);
    if (question.prefix > 0 && random_values_.below(2) == 0) question.per_partition = 1 + random_values_.below(3);
    std::optional<uint32_t> page_size;
    if (random_values_.below(2) == 0) page_size = 1 + random_values_.below(5);
    ASSERT_EQ(show(text(question), page_size), expected(question)) << text(question);
  }
}

TEST_F(GroupsTest, SeveralPartitionsAreSortedByTheClusteringKey) {
  for (int round = 0; round < 50; ++round) {
    add_random();
    std::map<std::pair<int, int>, std::vector<int>> counts;
    for (const Numbers& row : scan()) {
      if (row.p == 1 || row.p == 2) counts[{row.a, row.p}].push_back(row.b);
    }
    std::map<int, std::multiset<std::string>> expected;
    for (const auto& [key, group] : counts)
      expected[key.first].insert(fmt::format("{}|{}|{}", key.first, key.second, group.size()));
    const auto lines = show("SELECT a, p, count(*) FROM t WHERE p IN (1, 2) GROUP BY p, a ORDER BY a ASC");
    std::map<int, std::multiset<std::string>> seen;
    int last = -1;
    for (const std::string& line : lines) {
      const int a = std::stoi(line);
      ASSERT_GE(a, last) << fmt::format("{}", fmt::join(lines, " "));
      last = a;
      seen[a].insert(line);
    }
    ASSERT_EQ(seen, expected);
  }
}

}  // namespace
}  // namespace sagitta::exec
