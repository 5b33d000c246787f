/// Texts and ids to statements, values to markers.
#include "binder.h"

#include <fmt/format.h>

#include <utility>

#include "sagitta/cql/parser.h"

namespace sagitta::db {
namespace {

Error unprepared(BytesView id) {
  return {ErrorCode::kUnprepared,
          fmt::format("Prepared query with ID {} not found (either the query was not prepared on this host "
                      "(maybe the host has been restarted?) or you have prepared too many queries and it "
                      "has been evicted from the internal cache)",
                      to_hex(id).substr(2)),
          std::string(id)};
}

/// Charges for the tree and the plan of a text, which have about the same size.
Result<MemoryCharge> charge_text(MemoryBudget& budget, std::string_view text, size_t uncharged = kCallerTextBytes) {
  if (text.size() <= uncharged) return MemoryCharge();
  return MemoryCharge::take(budget, cql::parse_bytes_max(text));
}

}  // namespace

Result<StatementPtr> Binder::bind(std::string_view text, std::string_view keyspace, std::vector<MemoryCharge>& charges,
                                  size_t uncharged) const {
  SAGITTA_TRY(MemoryCharge charge, charge_text(frames_, text, uncharged));
  if (charge.bytes() > 0) charges.push_back(std::move(charge));
  return bind_statement(*schemas_.newest()->full, text, keyspace);
}

Result<StatementPtr> Binder::bind_to_prepare(std::string_view text, std::string_view keyspace) {
  SAGITTA_TRY(const MemoryCharge charge, charge_text(frames_, text));
  const auto schemas = schemas_.newest();
  SAGITTA_TRY(StatementPtr statement, bind_statement(*schemas->full, text, keyspace));
  const StatementPtr known = prepared_.find(statement->id);
  if (known == nullptr) return statement;
  if (known->plan->schema_version == schemas->full->version) return known;
  return bind_statement(*schemas->full, text, keyspace, known.get());
}

Status Binder::prepare(const Permitted& statement) {
  if (prepared_.find(statement->id) == statement.share()) return {};
  return prepared_.put(statement.share());
}

Result<StatementPtr> Binder::fit(StatementPtr statement, BytesView id) {
  const auto schemas = schemas_.newest();
  if (statement == nullptr) return std::unexpected(unprepared(id));
  if (statement->plan->schema_version == schemas->full->version) return statement;
  auto bound = bind_statement(*schemas->full, statement->text, statement->keyspace, statement.get());
  // Another id: whoever holds this one binds values of types that the markers no longer have. One
  // that cannot be bound is asked for again too, and its client told why.
  if (!bound || (*bound)->id != id) {
    prepared_.remove(id);
    return std::unexpected(unprepared(id));
  }
  SAGITTA_CHECK(prepared_.put(*bound));
  return bound;
}

Result<std::vector<plan::BindValue>> arrange_values(const plan::Plan& plan, std::vector<BoundValue> given) {
  const bool named = !given.empty() && !given.front().name.empty();
  std::vector<plan::BindValue> values;
  if (named) {
    std::vector<std::pair<std::string, plan::BindValue>> pairs;
    for (auto& one : given) pairs.emplace_back(std::move(one.name), plan::BindValue{std::move(one.value), one.unset});
    SAGITTA_TRY(values, plan::arrange_named(plan, pairs));
  } else {
    for (auto& one : given) values.push_back({std::move(one.value), one.unset});
  }
  return values;
}

}  // namespace sagitta::db
