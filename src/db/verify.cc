/// Indexes, one after the other, in every log partition.
#include "verify.h"

#include "sagitta/index/kinds.h"
#include "sagitta/index/posting_keys.h"

namespace sagitta::db {
namespace {

constexpr std::string_view kNotServing = "it does not serve yet";

class Verification {
 public:
  Verification(const Partitions& partitions, const Clock& clock)
      : partitions_(partitions), clock_(clock), indexes_(partitions.indexes()) {}

  Result<index::IndexCheck> check(const schema::TableDef& table, const schema::IndexDef& def) const {
    index::IndexCheck check{.keyspace = table.keyspace, .table = table.name, .index = def.name};
    const index::DefinitionPtr definition = index::define(table, def);
    if (definition == nullptr) {
      check.skipped = "this program does not know its kind";
    } else if (definition->terms() != nullptr) {
      SAGITTA_CHECK(check_postings(table, *definition, check));
    } else {
      SAGITTA_CHECK(check_reader(table, def, check));
    }
    return check;
  }

 private:
  index::ViewNow view_of(const Partition& partition) const {
    return [this, replica = partition.replica.get()] {
      return replica->read_view(clock_.now_us() / 1'000'000, kv::ReadMode::kBlocking);
    };
  }

  Status check_postings(const schema::TableDef& table, const index::Definition& definition,
                        index::IndexCheck& check) const {
    const auto found = indexes_->postings.find(definition.def().id);
    if (found == indexes_->postings.end() || !found->second->serves()) {
      check.skipped = kNotServing;
      return {};
    }
    const index::PostingProbe probe{.index_id = definition.def().id, .terms = {}};
    for (const Partition& partition : partitions_.all()) {
      const rows::ReadView view = view_of(partition)();
      SAGITTA_TRY(const bool is_whole, index::are_whole(view, std::span(&probe, 1)));
      if (!is_whole) check.skipped = "it was dropped meanwhile";
      if (is_whole) SAGITTA_CHECK(index::check_postings(view, table, definition, check));
    }
    return {};
  }

  Status check_reader(const schema::TableDef& table, const schema::IndexDef& def, index::IndexCheck& check) const {
    const index::ReaderPtr* found = indexes_->find(def.id);
    if (found == nullptr || (*found)->state() != index::Reader::State::kServing) {
      check.skipped = kNotServing;
      return {};
    }
    for (const Partition& partition : partitions_.all()) {
      SAGITTA_CHECK(index::check_reader(view_of(partition), table, **found, check));
    }
    check.entries = (*found)->stats().rows;
    return {};
  }

  const Partitions& partitions_;
  const Clock& clock_;
  const index::IndexSetPtr indexes_;
};

}  // namespace

Result<std::vector<index::IndexCheck>> verify(const Partitions& partitions, const schema::Schema& schema,
                                              const Clock& clock) {
  const Verification verification(partitions, clock);
  std::vector<index::IndexCheck> checks;
  for (const auto& [name, keyspace] : schema.keyspaces) {
    for (const auto& [table_name, table] : keyspace->tables) {
      for (const schema::IndexDef& def : table->indexes) {
        SAGITTA_TRY(auto check, verification.check(*table, def));
        checks.push_back(std::move(check));
      }
    }
  }
  return checks;
}

}  // namespace sagitta::db
