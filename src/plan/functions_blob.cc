/// The bytes of every native type as a blob, and back.
#include <fmt/format.h>

#include "sagitta/types/value.h"

#include "functions.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::Kind;
using Arguments = std::span<const Value>;

Result<Value> call_identity(const Expression& self, Arguments arguments, const EvalContext&) {
  if (Status valid = types::validate(*self.type, *arguments[0]); !valid) {
    return fail(ErrorCode::kInvalid, fmt::format("In call to function system.{}, value {} is not a valid binary "
                                                 "representation for type {}",
                                                 self.function->name, to_hex(*arguments[0], 64), self.type->to_cql()));
  }
  return *arguments[0];
}

}  // namespace

void add_blob_functions(Registry& registry) {
  constexpr std::array kKinds = {Kind::kAscii,  Kind::kBigint, Kind::kBoolean,   Kind::kDate,     Kind::kDecimal,
                                 Kind::kDouble, Kind::kFloat,  Kind::kInet,      Kind::kInt,      Kind::kSmallint,
                                 Kind::kText,   Kind::kTime,   Kind::kTimestamp, Kind::kTimeuuid, Kind::kTinyint,
                                 Kind::kUuid,   Kind::kVarint, Kind::kDuration,  Kind::kCounter};
  for (Kind kind : kKinds) {
    const std::string name = DataType::native(kind)->to_cql();
    registry.add({name + "asblob", name + "_as_blob"}, {kind}, Kind::kBlob, call_identity);
    registry.add({"blobas" + name, "blob_as_" + name}, {Kind::kBlob}, kind, call_identity);
  }
  registry.add({"varcharasblob", "varchar_as_blob"}, {Kind::kText}, Kind::kBlob, call_identity);
  registry.add({"blobasvarchar", "blob_as_varchar"}, {Kind::kBlob}, Kind::kText, call_identity);
}

}  // namespace sagitta::plan
