/// Which of the operations must have been done, which may, and what that leaves at a key.
#include "history.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sagitta::db::test {
namespace {

const Effect* effect_on(const Operation& operation, const std::string& table, Key key) {
  if (operation.table != table) return nullptr;
  const auto it = std::ranges::find(operation.effects, key, &Effect::key);
  return it == operation.effects.end() ? nullptr : &*it;
}

bool truncates(const Operation& operation, const std::string& table) {
  return operation.kind == Operation::Kind::kTruncate && operation.table == table && operation.told != Told::kRefused;
}

bool is_known_done(const Operation& operation, Moment at) {
  return (operation.told == Told::kDone && operation.answered < at) ||
         (operation.told == Told::kPromised && at == kNever);
}

/// From this moment on it is over; one whose outcome is open may still come.
Moment end_of(const Operation& operation) { return operation.told == Told::kDone ? operation.answered : kNever; }

}  // namespace

Operation& History::add(Operation operation) {
  const OperationId id = operation.id;
  return operations_.insert_or_assign(id, std::move(operation)).first->second;
}

/// The truncation leaves nothing of the operation, for a reader at the moment.
bool History::removes(const Operation& truncation, const Operation& operation, Moment at) const {
  const bool was_done = operation.told == Told::kDone && operation.answered < truncation.submitted;
  return truncates(truncation, operation.table) && is_known_done(truncation, at) && was_done;
}

bool History::must_be_done(const Operation& operation, const Effect& effect, Moment at) const {
  return (is_known_done(operation, at) || effect.seen < at) && !may_be_removed(operation);
}

bool History::may_be_removed(const Operation& operation) const {
  return std::ranges::any_of(operations_, [&](const auto& entry) {
    return truncates(entry.second, operation.table) && end_of(entry.second) > operation.submitted;
  });
}

bool History::may_be_done(const Operation& operation, Moment at) const {
  if (operation.told == Told::kRefused) return false;
  return std::ranges::none_of(operations_, [&](const auto& entry) { return removes(entry.second, operation, at); });
}

/// Where both are done, the first is what is read.
bool History::beats(const Operation& winner, const Operation& loser) const {
  if (winner.timestamp_us && loser.timestamp_us) return *winner.timestamp_us > *loser.timestamp_us;
  return loser.told == Told::kDone && winner.submitted > loser.answered;
}

bool History::is_beaten(const Operation* operation, const std::string& table, Key key, Moment at,
                        bool by_rows_only) const {
  return std::ranges::any_of(operations_, [&](const auto& entry) {
    const Operation& other = entry.second;
    const Effect* effect = effect_on(other, table, key);
    if (effect == nullptr || &other == operation || (by_rows_only && effect->deletes)) return false;
    return must_be_done(other, *effect, at) && (operation == nullptr || beats(other, *operation));
  });
}

bool History::can_be_written_by(OperationId id, const std::string& table, Key key, Moment at) const {
  const auto it = operations_.find(id);
  if (it == operations_.end()) return false;
  const Effect* effect = effect_on(it->second, table, key);
  if (effect == nullptr || effect->deletes || !may_be_done(it->second, at)) return false;
  return !is_beaten(&it->second, table, key, at, false);
}

/// What was there before still is.
bool History::can_be_before(const std::string& table, Key key, Moment at) const {
  const bool is_truncated = std::ranges::any_of(operations_, [&](const auto& entry) {
    return truncates(entry.second, table) && is_known_done(entry.second, at);
  });
  return !is_truncated && !is_beaten(nullptr, table, key, at, false);
}

bool History::can_be_none(const std::string& table, Key key, Moment at) const {
  const bool is_deleted = std::ranges::any_of(operations_, [&](const auto& entry) {
    const Effect* effect = effect_on(entry.second, table, key);
    if (effect == nullptr || !effect->deletes || !may_be_done(entry.second, at)) return false;
    return !is_beaten(&entry.second, table, key, at, true);
  });
  if (is_deleted) return true;
  const auto rows = before_.find(table);
  const bool was_there = rows != before_.end() && rows->second.contains(key);
  return (!was_there || has_truncation(table)) && !is_beaten(nullptr, table, key, at, true);
}

bool History::has_truncation(const std::string& table) const {
  return std::ranges::any_of(operations_, [&](const auto& entry) { return truncates(entry.second, table); });
}

bool History::can_be(const std::string& table, Key key, const Found& found, Moment at) const {
  if (!found) return can_be_none(table, key, at);
  const auto rows = before_.find(table);
  if (rows != before_.end()) {
    const auto row = rows->second.find(key);
    if (row != rows->second.end() && row->second == *found) return can_be_before(table, key, at);
  }
  return can_be_written_by(*found, table, key, at);
}

std::string History::read(const std::string& table, Key key, const Found& found, Moment began, Moment answered) {
  if (!can_be(table, key, found, began)) {
    return fmt::format("table {}, key {}: found {}, which cannot be at moment {}", table, key,
                       found ? std::to_string(*found) : "none", began);
  }
  if (!found) return {};
  const auto writer = operations_.find(*found);
  if (writer == operations_.end()) return {};
  const Effect& read = *effect_on(writer->second, table, key);
  // What one log partition has of an operation comes with one record.
  for (Effect& effect : writer->second.effects) {
    if (effect.partition == read.partition) effect.seen = std::min(effect.seen, answered);
  }
  return {};
}

/// An effect is missing when the key would show another thing if it had been done.
std::string History::check_whole(const Operation& batch, const std::map<Key, OperationId>& found) const {
  std::set<int> present, missing;
  const bool is_one = batch.kind == Operation::Kind::kLoggedBatch;
  for (const Effect& effect : batch.effects) {
    const int piece = is_one ? 0 : effect.partition;
    const auto row = found.find(effect.key);
    if (row != found.end() && row->second == batch.id) {
      present.insert(piece);
      continue;
    }
    const bool is_hidden = std::ranges::any_of(operations_, [&](const auto& entry) {
      const Operation& other = entry.second;
      const Effect* their = effect_on(other, batch.table, effect.key);
      if (their == nullptr || &other == &batch || other.told == Told::kRefused || beats(batch, other)) return false;
      return row == found.end() ? their->deletes : row->second == other.id;
    });
    const bool is_deleted = effect.deletes && row == found.end();
    if (!is_hidden && !is_deleted) missing.insert(piece);
  }
  for (const int piece : missing) {
    if (present.contains(piece) || batch.told == Told::kPromised)
      return fmt::format("table {}, batch {}: not whole", batch.table, batch.id);
  }
  return {};
}

/// One whose outcome is open took all that was there before, or nothing.
std::string History::check_truncations(const std::string& table, const std::map<Key, OperationId>& found) {
  size_t kept = 0, gone = 0;
  if (!has_truncation(table)) return {};
  for (const auto& [key, writer] : before_[table]) {
    const bool is_touched = std::ranges::any_of(operations_, [&, key = key](const auto& entry) {
      return entry.second.told != Told::kRefused && effect_on(entry.second, table, key) != nullptr;
    });
    if (!is_touched) ++(found.contains(key) ? kept : gone);
  }
  if (kept == 0 || gone == 0) return {};
  return fmt::format("table {}: {} rows were there before and are gone, {} are there still", table, gone, kept);
}

std::string History::settle(const std::string& table, const std::map<Key, OperationId>& found, Key keys) {
  for (Key key = 0; key < keys; ++key) {
    const auto row = found.find(key);
    std::string fault = read(table, key, row == found.end() ? Found() : Found(row->second), kNever, kNever);
    if (!fault.empty()) return fault;
  }
  if (std::string fault = check_truncations(table, found); !fault.empty()) return fault;
  for (const auto& [id, operation] : operations_) {
    if (operation.table != table || operation.told == Told::kRefused || may_be_removed(operation)) continue;
    if (std::string fault = check_whole(operation, found); !fault.empty()) return fault;
  }
  before_[table] = found;
  return {};
}

}  // namespace sagitta::db::test
