// Types as a client reads them: the [option] of result metadata, and the marshal classes of custom
// types.
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <utility>

#include "sagitta/base/limits.h"
#include "sagitta/types/data_type.h"

#include "native_names.h"

namespace sagitta::types {
namespace {

// A marshal class that is longer is shown in part.
constexpr size_t kShownMax = 200;

std::unexpected<Error> no_option() { return fail(ErrorCode::kProtocol, "Malformed data type: it ends too early"); }

/// Reads "Package.VectorType(Package.FloatType, 3)", with names and spaces as Cassandra and drivers
/// write them.
class ClassReader {
 public:
  explicit ClassReader(std::string_view text) : text_(text), rest_(text) {}

  Result<DataTypePtr> read() {
    SAGITTA_TRY(auto type, read_class(0));
    if (!rest_.empty()) return bad();
    return type;
  }

 private:
  struct Field {
    std::string name;
    DataTypePtr type;
  };

  std::unexpected<Error> bad() const {
    return fail(ErrorCode::kProtocol, fmt::format("Unknown custom type '{}'", text_.substr(0, kShownMax)));
  }

  bool take(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    skip_spaces();
    return true;
  }
  void skip_spaces() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  std::string_view word() {
    skip_spaces();
    const size_t length = std::min(rest_.find_first_of("(), :"), rest_.size());
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }

  Result<DataTypePtr> read_class(uint32_t depth) {
    if (depth > limits::kNestingMax) return bad();
    std::string_view name = word();
    if (name.starts_with(kMarshalPackage)) name.remove_prefix(kMarshalPackage.size());
    if (const NativeName* native = find_native_class(name)) return DataType::native(native->kind);
    if (!take('(')) return bad();
    SAGITTA_TRY(auto type, read_parameters(name, depth + 1));
    if (!take(')')) return bad();
    return type;
  }

  Result<DataTypePtr> read_parameters(std::string_view name, uint32_t depth) {
    if (name == "UserType") return read_user_type(depth);
    if (name == "TupleType") return read_tuple(depth);
    SAGITTA_TRY(auto first, read_class(depth));
    if (name == "ListType") return DataType::list(std::move(first));
    if (name == "SetType") return DataType::set(std::move(first));
    if (name == "FrozenType") return DataType::freeze(first);
    if (!take(',')) return bad();
    if (name == "VectorType") return read_vector(std::move(first));
    if (name != "MapType") return bad();
    SAGITTA_TRY(auto mapped, read_class(depth));
    return DataType::map(std::move(first), std::move(mapped));
  }

  Result<DataTypePtr> read_vector(DataTypePtr element) {
    const std::string_view digits = word();
    uint32_t dim = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), dim);
    if (error != std::errc() || end != digits.data() + digits.size() || dim == 0) return bad();
    return DataType::vector(std::move(element), dim);
  }

  Result<DataTypePtr> read_tuple(uint32_t depth) {
    std::vector<DataTypePtr> fields;
    do {
      SAGITTA_TRY(auto field, read_class(depth));
      fields.push_back(std::move(field));
    } while (take(','));
    return DataType::tuple(std::move(fields));
  }

  Result<DataTypePtr> read_user_type(uint32_t depth) {
    std::string keyspace(word());
    if (!take(',')) return bad();
    auto name = from_hex(word());
    if (!name) return bad();
    std::vector<std::string> names;
    std::vector<DataTypePtr> fields;
    while (take(',')) {
      SAGITTA_TRY(auto field, read_field(depth));
      names.push_back(std::move(field.name));
      fields.push_back(std::move(field.type));
    }
    return DataType::udt(std::move(keyspace), *std::move(name), std::move(names), std::move(fields));
  }

  Result<Field> read_field(uint32_t depth) {
    auto name = from_hex(word());
    if (!name || !take(':')) return bad();
    SAGITTA_TRY(auto type, read_class(depth));
    return Field{*std::move(name), std::move(type)};
  }

  std::string_view text_, rest_;
};

Result<std::string_view> read_string(ByteReader& in) {
  const auto length = in.big<uint16_t>();
  const auto text = length ? in.take(*length) : std::nullopt;
  if (!text) return no_option();
  return *text;
}

Result<DataTypePtr> read(ByteReader& in, uint32_t depth);

/// A count of things of at least two bytes each: refused when the rest cannot hold them.
Result<uint16_t> read_count(ByteReader& in) {
  const auto count = in.big<uint16_t>();
  if (!count || size_t{*count} * sizeof(uint16_t) > in.left()) return no_option();
  return *count;
}

Result<DataTypePtr> read_udt(ByteReader& in, uint32_t depth) {
  SAGITTA_TRY(const auto keyspace, read_string(in));
  SAGITTA_TRY(const auto name, read_string(in));
  SAGITTA_TRY(const uint16_t count, read_count(in));
  std::vector<std::string> names;
  std::vector<DataTypePtr> fields;
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(const auto field, read_string(in));
    SAGITTA_TRY(auto type, read(in, depth));
    names.emplace_back(field);
    fields.push_back(std::move(type));
  }
  return DataType::udt(std::string(keyspace), std::string(name), std::move(names), std::move(fields));
}

Result<DataTypePtr> read_tuple(ByteReader& in, uint32_t depth) {
  SAGITTA_TRY(const uint16_t count, read_count(in));
  std::vector<DataTypePtr> fields;
  for (uint16_t i = 0; i < count; ++i) {
    SAGITTA_TRY(auto field, read(in, depth));
    fields.push_back(std::move(field));
  }
  return DataType::tuple(std::move(fields));
}

Result<DataTypePtr> read_map(ByteReader& in, uint32_t depth) {
  SAGITTA_TRY(auto key, read(in, depth));
  SAGITTA_TRY(auto mapped, read(in, depth));
  return DataType::map(std::move(key), std::move(mapped));
}

Result<DataTypePtr> read_custom(ByteReader& in) {
  SAGITTA_TRY(const auto name, read_string(in));
  return ClassReader(name).read();
}

Result<DataTypePtr> read(ByteReader& in, uint32_t depth) {
  const auto number = in.big<uint16_t>();
  if (!number) return no_option();
  if (depth > limits::kNestingMax) return fail(ErrorCode::kProtocol, "Malformed data type: nested too deep");
  switch (const auto kind = static_cast<Kind>(*number)) {
    case Kind::kVector: return read_custom(in);
    case Kind::kMap: return read_map(in, depth + 1);
    case Kind::kUdt: return read_udt(in, depth + 1);
    case Kind::kTuple: return read_tuple(in, depth + 1);
    case Kind::kList:
    case Kind::kSet: {
      SAGITTA_TRY(auto element, read(in, depth + 1));
      return kind == Kind::kList ? DataType::list(std::move(element)) : DataType::set(std::move(element));
    }
    default:
      if (find_native(kind) != nullptr) return DataType::native(kind);
      return fail(ErrorCode::kProtocol, fmt::format("Unknown data type {:#06x}", *number));
  }
}

}  // namespace

Result<DataTypePtr> DataType::read_option(ByteReader& in) { return read(in, 0); }

}  // namespace sagitta::types
