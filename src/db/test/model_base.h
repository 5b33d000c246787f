/// What the model test stands on: a database with its twin, statements asked of it, random values.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"
#include "twin.h"

namespace sagitta::db::test {

inline constexpr int32_t kKeyValues = 5;
inline constexpr uint32_t kDim = 3;

inline Bytes int_bytes(int32_t v) {
  Bytes out;
  put_big(out, v);
  return out;
}

inline std::string show(const RowValues& row) {
  std::string text;
  for (const Value& value : row) text += (value ? to_hex(*value) : "null") + " ";
  return text;
}

/// A value as CQL text and as bytes.
struct Literal {
  std::string text;
  Value value;
};

class ModelBase {
 public:
  explicit ModelBase(uint64_t seed) : machine_(seed), engine_(seed) {
    machine_.partitions = chance(2) ? 4 : 1;
    open();
  }
  uint64_t operations() const { return operations_; }
  /// The last writes and schema changes, for a person who looks for the fault.
  std::string history(size_t count) const {
    std::string text;
    for (size_t i = history_.size() - std::min(count, history_.size()); i < history_.size(); ++i)
      text += history_[i] + "\n";
    return text;
  }
  uint64_t restarts() const { return restarts_; }

 protected:
  uint64_t below(uint64_t bound) { return engine_() % bound; }
  bool chance(uint64_t one_in) { return below(one_in) == 0; }
  int64_t now_s() const { return machine_.clock.now_us() / 1'000'000; }

  void open() {
    Options options;
    options.rows_deleted_at_once = 3;  // so that deletions go on with later records
    // Every read is left and taken up again after a row or two, or never.
    if (chance(2)) {
      options.work = {.caller = below(20'000), .caller_rows = below(20'000), .slice = 1 + below(5'000)};
    }
    auto opened = machine_.open(options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    database_ = *std::move(opened);
    if (std::exchange(created_, true)) return;
    must("CREATE KEYSPACE m WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    must("CREATE TYPE m.u (f0 int, f1 text)");
  }
  void restart() {
    ++restarts_;
    ASSERT_TRUE(database_->stop());
    database_.reset();
    open();
  }
  void must(const std::string& text, RequestOptions options = {}) {
    ++operations_;
    history_.push_back(fmt::format("{} ts {}: {}", now_s(), options.default_timestamp_us.value_or(0), text));
    auto answer = ask(*database_, text, std::move(options));
    ASSERT_TRUE(answer) << text << "\n" << answer.error().to_string();
  }
  void must_not(const std::string& text) {
    ++operations_;
    history_.push_back(fmt::format("{}, refused: {}", now_s(), text));
    const auto answer = ask(*database_, text);
    ASSERT_FALSE(answer) << text;
    ASSERT_EQ(answer.error().code(), ErrorCode::kInvalid) << text << "\n" << answer.error().to_string();
  }
  void pick_table() {
    auto it = tables_.begin();
    std::advance(it, static_cast<int64_t>(below(tables_.size())));
    table_name_ = it->first;
    table_ = &it->second;
  }
  std::string full_name() const { return "m." + table_name_; }

  // --- values ---
  Literal random_vector() {
    std::vector<int> parts;
    do {
      parts.clear();
      for (uint32_t i = 0; i < kDim; ++i) parts.push_back(static_cast<int>(below(9)) - 4);
    } while (std::ranges::all_of(parts, [](int p) { return p == 0; }));
    Bytes bytes;
    for (int part : parts) put_big(bytes, std::bit_cast<uint32_t>(static_cast<float>(part)));
    return {fmt::format("[{}]", fmt::join(parts, ", ")), bytes};
  }
  Literal random_scalar(TwinType type) {
    if (chance(8)) return {"null", std::nullopt};
    if (type == TwinType::kVector) return random_vector();
    if (type == TwinType::kInt) {
      const auto v = static_cast<int32_t>(below(6));
      return {fmt::format("{}", v), int_bytes(v)};
    }
    const std::string text(1 + below(3), static_cast<char>('a' + below(3)));
    return {"'" + text + "'", text};
  }
  Ints random_key(size_t count) {
    Ints key;
    for (size_t i = 0; i < count; ++i) key.push_back(static_cast<int32_t>(below(kKeyValues)));
    return key;
  }
  /// Mostly rising, sometimes in the past, sometimes one that a late write had. Of counters always
  /// rising: they add in the order of the log.
  int64_t random_ts() {
    ts_ += 10;
    if (table_->has_counters) return ts_;
    if (chance(6)) return ts_ - static_cast<int64_t>(below(100)) * 10 + static_cast<int64_t>(1 + below(4));
    return chance(4) ? ts_ - static_cast<int64_t>(below(20)) * 10 : ts_;
  }
  static std::string key_condition(const Ints& partition, const Ints& clustering) {
    std::string text;
    for (size_t i = 0; i < partition.size(); ++i)
      text += fmt::format("{}p{} = {}", i > 0 ? " AND " : "", i, partition[i]);
    for (size_t i = 0; i < clustering.size(); ++i) text += fmt::format(" AND c{} = {}", i, clustering[i]);
    return text;
  }

  Machine machine_;
  std::mt19937_64 engine_;
  std::unique_ptr<Database> database_;
  bool created_ = false;
  std::map<std::string, TwinTable> tables_;
  std::map<std::string, TwinType> types_ever_;
  std::string table_name_;
  TwinTable* table_ = nullptr;
  uint64_t table_count_ = 0;
  std::vector<std::string> history_;
  int64_t ts_ = 1'600'000'000'000'000;
  uint64_t operations_ = 0, restarts_ = 0;
};

}  // namespace sagitta::db::test
