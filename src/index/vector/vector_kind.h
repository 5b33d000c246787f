/// The kind of index that finds nearest vectors: ScyllaDB's vector_index, and Cassandra's SAI on a
/// vector column.
#pragma once

#include "sagitta/index/index.h"

#include "vector_options.h"

namespace sagitta::index {

class VectorKind final : public Kind {
 public:
  static constexpr std::string_view kName = "vector";

  std::string_view name() const override { return kName; }
  bool claims(const Target& target) const override;
  Status check_column(const Target& target) const override;
  Result<CheckedOptions> check_options(std::span<const WrittenOption> written, const Target& target) const override;
  DefinitionPtr define(const schema::IndexDef& def, const schema::ColumnDef& column) const override;
};

class VectorDefinition final : public Definition {
 public:
  VectorDefinition(const schema::IndexDef& def, const schema::ColumnDef& column)
      : Definition(def, column), options_(parse_vector_options(def, column)) {}

  const VectorOptions& options() const { return options_; }

  bool answers(const Probe& probe) const override;
  std::string refuse(BytesView value) const override;
  std::unique_ptr<Scorer> scorer(const Probe& probe) const override;
  std::string_view score_function() const override;
  Result<std::shared_ptr<Index>> make(const schema::TableDefPtr& table,
                                      const Surroundings& surroundings) const override;

 private:
  const VectorOptions options_;
};

}  // namespace sagitta::index
