#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "sagitta/base/assert.h"

#include "elements.h"
#include "integers.h"

namespace sagitta::types {
namespace {

void put_sized(Bytes& out, BytesView bytes) {
  put_big(out, static_cast<int32_t>(bytes.size()));
  out.append(bytes);
}

template <class... Parts>
std::unexpected<Error> broken(const DataType& type, fmt::format_string<Parts...> format, Parts... parts) {
  return fail(ErrorCode::kInvalid,
              fmt::format("invalid bytes for {}: {}", type.to_cql(), fmt::format(format, std::move(parts)...)));
}

std::string_view collection_name(const DataType& type) {
  return type.kind() == Kind::kList ? "list" : type.kind() == Kind::kSet ? "set" : "map";
}

std::unexpected<Error> too_short(const DataType& type) {
  return fail(ErrorCode::kInvalid, fmt::format("Not enough bytes to read a {}", collection_name(type)));
}

Result<BytesView> take_element(const DataType& type, ByteReader& in, size_t index) {
  const auto size = in.big<int32_t>();
  if (!size) return too_short(type);
  if (*size < 0) return broken(type, "element {} is null", index);
  const auto bytes = in.take(static_cast<size_t>(*size));
  if (!bytes) return too_short(type);
  return *bytes;
}

Result<std::vector<BytesView>> view_collection(const DataType& type, BytesView bytes) {
  ByteReader in(bytes);
  const auto count = in.big<int32_t>();
  if (!count || *count < 0) return too_short(type);
  const size_t total = static_cast<size_t>(*count) * (type.kind() == Kind::kMap ? 2 : 1);
  if (total > in.left() / 4) return too_short(type);
  std::vector<BytesView> elements;
  elements.reserve(total);
  for (size_t i = 0; i < total; ++i) {
    SAGITTA_TRY(const BytesView element, take_element(type, in, i));
    elements.push_back(element);
  }
  if (in.empty()) return elements;
  return fail(ErrorCode::kInvalid, fmt::format("Unexpected extraneous bytes after {} value", collection_name(type)));
}

Result<std::vector<BytesView>> view_fixed_vector(const DataType& type, BytesView bytes, size_t element_bytes) {
  const size_t expected = element_bytes * type.dim();
  if (bytes.size() != expected) {
    return fail(ErrorCode::kInvalid,
                fmt::format("expected {} bytes for {}, but got {}", expected, type.to_cql(), bytes.size()));
  }
  std::vector<BytesView> elements;
  elements.reserve(type.dim());
  for (size_t i = 0; i < type.dim(); ++i) elements.push_back(bytes.substr(i * element_bytes, element_bytes));
  return elements;
}

Result<std::vector<BytesView>> view_vector(const DataType& type, BytesView bytes) {
  if (const uint32_t fixed = fixed_element_bytes(*type.element())) return view_fixed_vector(type, bytes, fixed);
  if (type.dim() > bytes.size()) {
    return broken(type, "{} bytes are too few for {} elements", bytes.size(), type.dim());
  }
  ByteReader in(bytes);
  std::vector<BytesView> elements;
  elements.reserve(type.dim());
  for (size_t i = 0; i < type.dim(); ++i) {
    const auto size = take_vint(in);
    const auto element = size ? in.take(*size) : std::nullopt;
    if (!element) return broken(type, "they end before the end of element {}", i);
    elements.push_back(*element);
  }
  if (!in.empty()) return broken(type, "{} bytes follow the last element", in.left());
  return elements;
}

using Entry = std::pair<BytesView, BytesView>;

/// Sorted by key; of equal keys only the last given is kept.
void sort_unique(const DataType& key_type, std::vector<Entry>& entries) {
  // Both views point into one buffer, so addresses tell which of two equal keys came later.
  std::ranges::sort(entries, [&](const Entry& a, const Entry& b) {
    const auto order = compare(key_type, a.first, b.first);
    return order != 0 ? order < 0 : std::less<>()(a.first.data(), b.first.data());
  });
  size_t kept = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const bool repeated = i + 1 < entries.size() && compare(key_type, entries[i].first, entries[i + 1].first) == 0;
    if (!repeated) entries[kept++] = entries[i];
  }
  entries.resize(kept);
}

}  // namespace

Bytes pack_list(std::span<const Bytes> elements) {
  Bytes out;
  put_big(out, static_cast<int32_t>(elements.size()));
  for (const Bytes& element : elements) put_sized(out, element);
  return out;
}

Bytes pack_nullable_list(std::span<const Value> elements) {
  Bytes out;
  put_big(out, static_cast<int32_t>(elements.size()));
  return out + pack_tuple(elements);
}

Bytes pack_map(std::span<const std::pair<Bytes, Bytes>> entries) {
  Bytes out;
  put_big(out, static_cast<int32_t>(entries.size()));
  for (const auto& [key, value] : entries) {
    put_sized(out, key);
    put_sized(out, value);
  }
  return out;
}

Bytes pack_elements(const DataType& type, std::span<const Bytes> elements) {
  Bytes out;
  put_big(out, static_cast<int32_t>(elements.size() / (type.kind() == Kind::kMap ? 2 : 1)));
  for (const Bytes& element : elements) put_sized(out, element);
  return out;
}

Bytes pack_tuple(std::span<const Value> fields) {
  Bytes out;
  for (const Value& field : fields) {
    if (field) {
      put_sized(out, *field);
    } else {
      put_big<int32_t>(out, -1);
    }
  }
  return out;
}

Bytes pack_vector(const DataType& type, std::span<const Bytes> elements) {
  const bool fixed = fixed_element_bytes(*type.element()) != 0;
  Bytes out;
  for (const Bytes& element : elements) {
    if (!fixed) put_vint(out, element.size());
    out += element;
  }
  return out;
}

Result<std::vector<BytesView>> view_elements(const DataType& type, BytesView bytes) {
  SAGITTA_ASSERT(type.is_collection() || type.kind() == Kind::kVector);
  return type.kind() == Kind::kVector ? view_vector(type, bytes) : view_collection(type, bytes);
}

Result<std::vector<ValueView>> view_tuple(const DataType& type, BytesView bytes) {
  ByteReader in(bytes);
  std::vector<ValueView> fields(type.parameters().size());
  for (size_t i = 0; i < fields.size() && !in.empty(); ++i) {
    const auto size = in.big<int32_t>();
    if (!size) return broken(type, "they end within the length of field {}", i);
    if (*size < 0) continue;
    fields[i] = in.take(static_cast<size_t>(*size));
    if (!fields[i]) return broken(type, "field {} has {} bytes, but {} are left", i, *size, in.left());
  }
  if (!in.empty()) return broken(type, "{} bytes follow the last field", in.left());
  return fields;
}

Result<std::vector<Bytes>> unpack_elements(const DataType& type, BytesView bytes) {
  SAGITTA_TRY(const auto views, view_elements(type, bytes));
  return std::vector<Bytes>(views.begin(), views.end());
}

Result<std::vector<Value>> unpack_tuple(const DataType& type, BytesView bytes) {
  SAGITTA_TRY(const auto views, view_tuple(type, bytes));
  std::vector<Value> fields;
  for (const ValueView& view : views) fields.push_back(to_value(view));
  return fields;
}

Bytes normalise(const DataType& type, BytesView bytes) {
  if (type.kind() != Kind::kSet && type.kind() != Kind::kMap) return Bytes(bytes);
  const auto elements = view_elements(type, bytes);
  SAGITTA_ASSERT(elements.has_value());
  const bool is_map = type.kind() == Kind::kMap;
  std::vector<Entry> entries;
  for (size_t i = 0; i < elements->size(); i += is_map ? 2 : 1) {
    entries.emplace_back((*elements)[i], is_map ? (*elements)[i + 1] : BytesView());
  }
  sort_unique(*type.key(), entries);
  Bytes out;
  put_big(out, static_cast<int32_t>(entries.size()));
  for (const auto& [key, value] : entries) {
    put_sized(out, key);
    if (is_map) put_sized(out, value);
  }
  return out;
}

uint32_t fixed_element_bytes(const DataType& type) {
  switch (type.kind()) {
    case Kind::kBoolean: return 1;
    case Kind::kInt:
    case Kind::kFloat: return 4;
    case Kind::kBigint:
    case Kind::kDouble:
    case Kind::kTimestamp: return 8;
    case Kind::kUuid:
    case Kind::kTimeuuid: return 16;
    case Kind::kVector: {
      const uint64_t bytes = uint64_t{type.dim()} * fixed_element_bytes(*type.element());
      return bytes <= UINT32_MAX ? static_cast<uint32_t>(bytes) : 0;
    }
    default: return 0;
  }
}

}  // namespace sagitta::types
