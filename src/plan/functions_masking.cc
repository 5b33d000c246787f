/// Functions that hide values.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

#include "sagitta/types/value.h"

#include "binder.h"
#include "functions.h"
#include "numbers.h"

namespace sagitta::plan {
namespace {

using types::DataType;
using types::DataTypePtr;
using types::Kind;
using Arguments = std::span<const Value>;
using Types = std::span<const DataTypePtr>;

constexpr std::string_view kDefaultText = "****";

Parameter text_parameter() {
  Parameter parameter = fixed_parameter(Kind::kText);
  parameter.text = "[text|varchar|ascii]";
  parameter.wanted = "an argument of type " + parameter.text;
  return parameter;
}

DataTypePtr type_of_first(Types arguments) { return arguments[0]; }
DataTypePtr blob_type(Types) { return native(Kind::kBlob); }

Result<Value> call_null(const Expression&, Arguments, const EvalContext&) { return Value(); }

/// The value that stands for any other of the type.
Bytes default_of(const DataType& type) {
  switch (type.kind()) {
    case Kind::kAscii:
    case Kind::kText: return Bytes(kDefaultText);
    case Kind::kBlob: return {};
    case Kind::kBoolean: return types::from_bool(false);
    case Kind::kVarint: return Bytes(1, '\0');
    case Kind::kDecimal: return Bytes(5, '\0');
    case Kind::kFloat:
    case Kind::kDouble: return real_bytes(type.kind(), 0);
    case Kind::kUuid: return Bytes(16, '\0');
    case Kind::kTimeuuid: return *from_hex("138140001dd211b28080808080808080");
    case Kind::kInet: return Bytes(4, '\0');
    case Kind::kDate: return *from_hex("80000000");
    case Kind::kTime:
    case Kind::kTimestamp: return types::from_int64(0);
    case Kind::kDuration: return Bytes(3, '\0');
    case Kind::kList:
    case Kind::kSet:
    case Kind::kMap: return types::pack_list({});
    case Kind::kVector: return types::pack_vector(type, std::vector<Bytes>(type.dim(), default_of(*type.element())));
    case Kind::kTuple:
    case Kind::kUdt: {
      std::vector<Value> fields;
      for (const DataTypePtr& field : type.parameters()) fields.emplace_back(default_of(*field));
      return types::pack_tuple(fields);
    }
    default: return integer_bytes(type.kind(), 0);
  }
}

Result<Value> call_default(const Expression& self, Arguments, const EvalContext&) { return default_of(*self.type); }

Result<Value> call_replace(const Expression&, Arguments arguments, const EvalContext&) { return arguments[1]; }

/// The characters of a valid UTF-8 text.
std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin + 1;
    while (end < text.size() && (static_cast<uint8_t>(text[end]) & 0xc0U) == 0x80) ++end;
    characters.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return characters;
}

/// The fourth argument, or a star.
Result<std::string> padding_of(std::string_view function, Arguments arguments) {
  if (arguments.size() < 4 || !arguments[3]) return std::string("*");
  const size_t length = characters_of(*arguments[3]).size();
  if (length == 1) return *arguments[3];
  return fail(ErrorCode::kInvalid, fmt::format("The padding argument for function system.{} should be "
                                               "single-character, but '{}' has {} characters.",
                                               function, *arguments[3], length));
}

/// Masks what lies between the first and last so many characters, or what lies outside of it. Null
/// and negative numbers count as none.
Result<Value> mask(const Expression& self, Arguments arguments, bool inner) {
  SAGITTA_TRY(const std::string padding, padding_of(self.function->name, arguments));
  if (!arguments[0]) return Value();
  const auto number = [&](size_t i) { return arguments[i] ? int64_t{types::to_int32(*arguments[i])} : 0; };
  const auto characters = characters_of(*arguments[0]);
  const auto size = static_cast<int64_t>(characters.size());
  const int64_t from = std::max<int64_t>(number(1), 0), to = size - std::max<int64_t>(number(2), 0);
  std::string masked;
  for (int64_t i = 0; i < size; ++i) {
    const bool between = i >= from && i < to;
    masked += between == inner ? padding : characters[static_cast<size_t>(i)];
  }
  return masked;
}

Result<Value> call_inner(const Expression& self, Arguments arguments, const EvalContext&) {
  return mask(self, arguments, true);
}

Result<Value> call_outer(const Expression& self, Arguments arguments, const EvalContext&) {
  return mask(self, arguments, false);
}

Result<Value> call_hash(const Expression&, Arguments arguments, const EvalContext&) {
  const std::string name = arguments.size() > 1 && arguments[1] ? *arguments[1] : "SHA-256";
  const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> digest(EVP_MD_fetch(nullptr, name.c_str(), nullptr),
                                                               EVP_MD_free);
  if (digest == nullptr) return fail(ErrorCode::kInvalid, "Hash algorithm not found: " + name);
  if (!arguments[0]) return Value();
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(arguments[0]->data(), arguments[0]->size(), hash.data(), &size, digest.get(), nullptr);
  return Bytes(hash.begin(), hash.begin() + size);
}

}  // namespace

void add_masking_functions(Registry& registry) {
  registry.add_null_taker({"mask_null"}, {any_parameter()}, type_of_first, call_null);
  registry.add_null_taker({"mask_default"}, {any_parameter()}, type_of_first, call_default);
  registry.add_null_taker({"mask_replace"}, {any_parameter(), same_parameter()}, type_of_first, call_replace);
  const std::vector<Parameter> around = {text_parameter(), fixed_parameter(Kind::kInt), fixed_parameter(Kind::kInt),
                                         optional_parameter(Kind::kText)};
  registry.add_null_taker({"mask_inner"}, around, type_of_first, call_inner);
  registry.add_null_taker({"mask_outer"}, around, type_of_first, call_outer);
  registry.add_null_taker({"mask_hash"}, {any_parameter(), optional_parameter(Kind::kText)}, blob_type, call_hash);
}

}  // namespace sagitta::plan
