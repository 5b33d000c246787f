#include "sagitta/types/data_type.h"

#include <array>
#include <optional>
#include <string_view>

#include "sagitta/base/assert.h"
#include "sagitta/base/limits.h"
#include "sagitta/types/name.h"

#include "native_names.h"

namespace sagitta::types {
namespace {

template <class F>
std::string join(const std::vector<DataTypePtr>& types, F&& text_of) {
  std::string text;
  for (const DataTypePtr& type : types) {
    if (!text.empty()) text += ", ";
    text += text_of(*type);
  }
  return text;
}

void put_short_string(Bytes& out, std::string_view text) {
  put_big<uint16_t>(out, static_cast<uint16_t>(text.size()));
  out += text;
}

Result<DataTypePtr> corrupt() { return fail(ErrorCode::kCorruption, "bytes that are no data type"); }

}  // namespace

DataTypePtr DataType::native(Kind kind) {
  static const auto kAll = [] {
    std::array<DataTypePtr, 0x20> all;
    for (const NativeName& native : kNatives) {
      auto type = std::shared_ptr<DataType>(new DataType());
      type->kind_ = native.kind;
      all[static_cast<size_t>(native.kind)] = type;
    }
    return all;
  }();
  SAGITTA_ASSERT(find_native(kind) != nullptr);
  return kAll[static_cast<size_t>(kind)];
}

DataTypePtr DataType::list(DataTypePtr element, bool frozen) {
  auto type = std::shared_ptr<DataType>(new DataType());
  type->kind_ = Kind::kList;
  type->frozen_ = frozen;
  type->parameters_ = {freeze(element)};
  return type;
}

DataTypePtr DataType::set(DataTypePtr element, bool frozen) {
  auto type = std::shared_ptr<DataType>(new DataType());
  type->kind_ = Kind::kSet;
  type->frozen_ = frozen;
  type->parameters_ = {freeze(element)};
  return type;
}

DataTypePtr DataType::map(DataTypePtr key, DataTypePtr value, bool frozen) {
  auto type = std::shared_ptr<DataType>(new DataType());
  type->kind_ = Kind::kMap;
  type->frozen_ = frozen;
  type->parameters_ = {freeze(key), freeze(value)};
  return type;
}

DataTypePtr DataType::tuple(std::vector<DataTypePtr> fields) {
  auto type = std::shared_ptr<DataType>(new DataType());
  type->kind_ = Kind::kTuple;
  type->frozen_ = true;
  for (const DataTypePtr& field : fields) type->parameters_.push_back(freeze(field));
  return type;
}

DataTypePtr DataType::vector(DataTypePtr element, uint32_t dim) {
  auto type = std::shared_ptr<DataType>(new DataType());
  type->kind_ = Kind::kVector;
  type->frozen_ = true;
  type->dim_ = dim;
  type->parameters_ = {freeze(element)};
  return type;
}

DataTypePtr DataType::udt(std::string keyspace, std::string name, std::vector<std::string> field_names,
                          std::vector<DataTypePtr> field_types, bool frozen) {
  SAGITTA_ASSERT(field_names.size() == field_types.size());
  auto type = std::shared_ptr<DataType>(new DataType());
  type->kind_ = Kind::kUdt;
  type->frozen_ = frozen;
  type->keyspace_ = std::move(keyspace);
  type->name_ = std::move(name);
  type->field_names_ = std::move(field_names);
  type->parameters_ = std::move(field_types);
  if (frozen) type->freeze_parameters();
  return type;
}

DataTypePtr DataType::freeze(const DataTypePtr& type) {
  if (!type->is_multi_cell()) return type;
  auto frozen = std::shared_ptr<DataType>(new DataType(*type));
  frozen->frozen_ = true;
  frozen->freeze_parameters();
  return frozen;
}

void DataType::freeze_parameters() {
  for (DataTypePtr& parameter : parameters_) parameter = freeze(parameter);
}

std::string DataType::to_cql() const {
  const auto inner = [](const DataType& type) { return type.to_cql(); };
  if (const NativeName* native = find_native(kind_)) return std::string(native->cql);
  const std::string parameters = join(parameters_, inner);
  std::string text;
  switch (kind_) {
    case Kind::kList: text = "list<" + parameters + ">"; break;
    case Kind::kSet: text = "set<" + parameters + ">"; break;
    case Kind::kMap: text = "map<" + parameters + ">"; break;
    case Kind::kTuple: return "frozen<tuple<" + parameters + ">>";
    case Kind::kVector: return "vector<" + parameters + ", " + std::to_string(dim_) + ">";
    default: text = quote_type_name(name_); break;
  }
  return frozen_ ? "frozen<" + text + ">" : text;
}

std::string DataType::marshal_class() const {
  const auto inner = [](const DataType& type) { return type.marshal_class(); };
  const std::string package(kMarshalPackage);
  if (const NativeName* native = find_native(kind_)) return package + std::string(native->marshal);
  std::string text;
  switch (kind_) {
    case Kind::kList: text = package + "ListType(" + join(parameters_, inner) + ")"; break;
    case Kind::kSet: text = package + "SetType(" + join(parameters_, inner) + ")"; break;
    case Kind::kMap: text = package + "MapType(" + join(parameters_, inner) + ")"; break;
    case Kind::kTuple: return package + "TupleType(" + join(parameters_, inner) + ")";
    case Kind::kVector: return package + "VectorType(" + join(parameters_, inner) + ", " + std::to_string(dim_) + ")";
    default:
      text = package + "UserType(" + keyspace_ + "," + to_hex(name_).substr(2);
      for (size_t i = 0; i < parameters_.size(); ++i) {
        text += "," + to_hex(field_names_[i]).substr(2) + ":" + parameters_[i]->marshal_class();
      }
      text += ")";
  }
  return frozen_ ? package + "FrozenType(" + text + ")" : text;
}

void DataType::append_option(Bytes& out) const {
  put_big<uint16_t>(out, static_cast<uint16_t>(kind_));
  switch (kind_) {
    case Kind::kVector: put_short_string(out, marshal_class()); return;
    case Kind::kTuple: put_big<uint16_t>(out, static_cast<uint16_t>(parameters_.size())); break;
    case Kind::kUdt:
      put_short_string(out, keyspace_);
      put_short_string(out, name_);
      put_big<uint16_t>(out, static_cast<uint16_t>(parameters_.size()));
      for (size_t i = 0; i < parameters_.size(); ++i) {
        put_short_string(out, field_names_[i]);
        parameters_[i]->append_option(out);
      }
      return;
    default: break;
  }
  for (const DataTypePtr& parameter : parameters_) parameter->append_option(out);
}

void DataType::encode(Bytes& out) const {
  put_varint(out, static_cast<uint64_t>(kind_));
  if (find_native(kind_) != nullptr) return;
  out.push_back(frozen_ ? 1 : 0);
  put_varint(out, dim_);
  put_blob(out, keyspace_);
  put_blob(out, name_);
  put_varint(out, parameters_.size());
  for (const DataTypePtr& parameter : parameters_) parameter->encode(out);
  put_varint(out, field_names_.size());
  for (const std::string& name : field_names_) put_blob(out, name);
}

namespace {

/// The number of parameters that a kind must have; nothing when it may have any.
std::optional<size_t> parameter_count(Kind kind) {
  switch (kind) {
    case Kind::kList:
    case Kind::kSet:
    case Kind::kVector: return 1;
    case Kind::kMap: return 2;
    default: return std::nullopt;
  }
}

bool is_known(Kind kind) {
  return find_native(kind) != nullptr || parameter_count(kind) || kind == Kind::kTuple || kind == Kind::kUdt;
}

struct DecodedType {
  bool frozen;
  uint32_t dim;
  std::string keyspace, name;
  std::vector<DataTypePtr> parameters;
  std::vector<std::string> field_names;
};

Result<DataTypePtr> decode_type(ByteReader& in, uint32_t depth);

Result<DecodedType> decode_parts(ByteReader& in, uint32_t depth) {
  const auto bad = [] { return fail(ErrorCode::kCorruption, "bytes that are no data type"); };
  const auto frozen = in.big<uint8_t>();
  const auto dim = in.varint();
  const auto keyspace = in.blob(), name = in.blob();
  const auto count = in.varint();
  if (!frozen || !dim || *dim > UINT32_MAX || !keyspace || !name || !count || *count > in.left()) return bad();
  DecodedType parts{*frozen != 0, static_cast<uint32_t>(*dim), Bytes(*keyspace), Bytes(*name), {}, {}};
  for (uint64_t i = 0; i < *count; ++i) {
    SAGITTA_TRY(auto parameter, decode_type(in, depth + 1));
    parts.parameters.push_back(std::move(parameter));
  }
  const auto fields = in.varint();
  if (!fields || *fields > in.left()) return bad();
  for (uint64_t i = 0; i < *fields; ++i) {
    const auto field = in.blob();
    if (!field) return bad();
    parts.field_names.emplace_back(*field);
  }
  return parts;
}

Result<DataTypePtr> decode_type(ByteReader& in, uint32_t depth) {
  const auto number = in.varint();
  if (!number || *number > UINT16_MAX || depth > limits::kNestingMax) return corrupt();
  const auto kind = static_cast<Kind>(*number);
  if (!is_known(kind)) return corrupt();
  if (find_native(kind) != nullptr) return DataType::native(kind);
  SAGITTA_TRY(auto parts, decode_parts(in, depth));
  if (kind == Kind::kVector && parts.dim == 0) return corrupt();
  const auto wanted = parameter_count(kind);
  if (wanted && parts.parameters.size() != *wanted) return corrupt();
  switch (kind) {
    case Kind::kList: return DataType::list(parts.parameters[0], parts.frozen);
    case Kind::kSet: return DataType::set(parts.parameters[0], parts.frozen);
    case Kind::kMap: return DataType::map(parts.parameters[0], parts.parameters[1], parts.frozen);
    case Kind::kVector: return DataType::vector(parts.parameters[0], parts.dim);
    case Kind::kTuple: return DataType::tuple(std::move(parts.parameters));
    default:
      if (parts.field_names.size() != parts.parameters.size()) return corrupt();
      return DataType::udt(std::move(parts.keyspace), std::move(parts.name), std::move(parts.field_names),
                           std::move(parts.parameters), parts.frozen);
  }
}

}  // namespace

Result<DataTypePtr> DataType::decode(ByteReader& in) { return decode_type(in, 0); }

bool DataType::operator==(const DataType& other) const {
  if (kind_ != other.kind_ || frozen_ != other.frozen_ || dim_ != other.dim_ || keyspace_ != other.keyspace_ ||
      name_ != other.name_ || field_names_ != other.field_names_ || parameters_.size() != other.parameters_.size()) {
    return false;
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (*parameters_[i] != *other.parameters_[i]) return false;
  }
  return true;
}

}  // namespace sagitta::types
