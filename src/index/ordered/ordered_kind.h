/// The kind of index that finds rows by the value of a column, or by what is in a collection:
/// Cassandra's plain index and its storage-attached one, ScyllaDB's global and local ones. It is
/// kept in the store, as postings.
#pragma once

#include "sagitta/index/index.h"
#include "sagitta/index/terms.h"

namespace sagitta::index {

class OrderedKind final : public Kind {
 public:
  static constexpr std::string_view kName = schema::kOrderedIndexKind;

  std::string_view name() const override { return kName; }
  bool claims(const Target& target) const override;
  Status check_column(const Target& target) const override;
  Result<CheckedOptions> check_options(std::span<const WrittenOption> written, const Target& target) const override;
  DefinitionPtr define(const schema::IndexDef& def, const schema::ColumnDef& column) const override;
};

class OrderedDefinition final : public Definition {
 public:
  OrderedDefinition(const schema::IndexDef& def, const schema::ColumnDef& column);

  TermMakerPtr terms() const override { return terms_; }
  bool answers(const Probe& probe) const override;

 private:
  const TermMakerPtr terms_;
};

}  // namespace sagitta::index
