/// Vector indexes as a kind, and what statements need of one of them.
#include "vector_kind.h"

#include <fmt/format.h>

#include "sagitta/base/limits.h"
#include "sagitta/base/work_meter.h"
#include "sagitta/types/value.h"

#include "option_checker.h"
#include "vector_index.h"

namespace sagitta::index {
namespace {

class VectorScorer final : public Scorer {
 public:
  VectorScorer(const VectorOptions& options, BytesView query)
      : similarity_(options.similarity), query_(options.dim), vector_(options.dim) {
    types::to_floats(query, query_);
  }

  std::optional<float> score(BytesView value) override {
    if (value.size() != vector_.size() * sizeof(float)) return std::nullopt;
    types::to_floats(value, vector_);
    if (!refuse_vector(similarity_, vector_).empty()) return std::nullopt;
    return ann::similarity(similarity_, query_, vector_);
  }
  uint64_t work() const override { return work::distance(query_.size()); }

 private:
  const ann::Metric similarity_;
  std::vector<float> query_, vector_;
};

}  // namespace

/// ScyllaDB's class whatever the column; Cassandra's are of other columns too.
bool VectorKind::claims(const Target& target) const {
  const bool is_vector = target.column.type->kind() == types::Kind::kVector;
  return schema::is_vector_index_class(target.class_name) &&
         (is_vector || !schema::is_storage_attached_class(target.class_name));
}

Status VectorKind::check_column(const Target& target) const {
  const schema::ColumnDef& column = target.column;
  if (column.type->kind() != types::Kind::kVector) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Vector indexes are only supported on columns of vectors of floats: column {} has type {}",
                            column.name, column.type->to_cql()));
  }
  if (!column.type->is_float_vector()) {
    return fail(ErrorCode::kInvalid, schema::is_storage_attached_class(target.class_name)
                                         ? "SAI ANN indexes are only allowed on vector columns with float elements"
                                         : "Vector indexes are only supported on columns of vectors of floats");
  }
  if (column.kind != schema::ColumnKind::kRegular) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Vector indexes on key or static columns are not supported: {}", column.name));
  }
  if (column.type->dim() <= limits::kVectorDimMax) return {};
  return fail(ErrorCode::kInvalid,
              fmt::format("Indexed vectors must have a dimension less than or equal to {}: column {} has type {}",
                          limits::kVectorDimMax, column.name, column.type->to_cql()));
}

Result<CheckedOptions> VectorKind::check_options(std::span<const WrittenOption> written, const Target& target) const {
  return check_vector_options(written, target);
}

DefinitionPtr VectorKind::define(const schema::IndexDef& def, const schema::ColumnDef& column) const {
  if (!column.type->is_float_vector()) return nullptr;
  return std::make_shared<VectorDefinition>(def, column);
}

bool VectorDefinition::answers(const Probe& probe) const {
  return std::holds_alternative<Nearest>(probe.what) && probe.column_id == column().id;
}

std::string VectorDefinition::refuse(BytesView value) const {
  // One a thread: a write of many rows would allocate it for each.
  static thread_local std::vector<float> floats;
  floats.resize(options_.dim);
  types::to_floats(value, floats);
  const std::string why = refuse_vector(options_.similarity, floats);
  return why.empty() ? why : fmt::format("vector for column {}: {}", column().name, why);
}

std::unique_ptr<Scorer> VectorDefinition::scorer(const Probe& probe) const {
  return std::make_unique<VectorScorer>(options_, std::get<Nearest>(probe.what).vector);
}

std::string_view VectorDefinition::score_function() const {
  switch (options_.similarity) {
    case ann::Metric::kL2: return "similarity_euclidean";
    case ann::Metric::kDot: return "similarity_dot_product";
    case ann::Metric::kCosine: break;
  }
  return "similarity_cosine";
}

Result<std::shared_ptr<Index>> VectorDefinition::make(const schema::TableDefPtr& table,
                                                      const Surroundings& surroundings) const {
  auto self = std::static_pointer_cast<const VectorDefinition>(shared_from_this());
  return VectorIndex::make(std::move(self), table, surroundings);
}

}  // namespace sagitta::index
