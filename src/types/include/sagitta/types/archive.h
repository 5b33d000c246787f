/// Writing and reading plain structs as bytes, from one list of their members, which Writer and
/// Reader both walk, so that the two directions cannot drift apart. Integers are varints, texts
/// have their length before them.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sagitta/base/bytes.h"
#include "sagitta/base/uuid.h"
#include "sagitta/types/data_type.h"

namespace sagitta::types {

/// Of a struct T: std::tuple(&T::a, &T::b, ...), in the order of the bytes.
template <class T>
constexpr auto kMembers = nullptr;

/// In place of a member that older versions of the format do not have; read from one of them it
/// keeps its default.
template <class T, class Owner>
struct Since {
  uint8_t version;
  T Owner::* member;
};

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  template <class... T>
  void operator()(const T&... values) {
    (put(values), ...);
  }

 private:
  void put(const Bytes& v) { put_blob(out_, v); }
  void put(const Uuid& v) { out_.append(v.bytes()); }
  void put(const DataTypePtr& v) { v->encode(out_); }
  template <class T>
  void put(const T& v) {
    if constexpr (std::is_enum_v<T>) {
      put_varint(out_, static_cast<uint64_t>(v));
    } else if constexpr (std::signed_integral<T>) {
      put_signed_varint(out_, v);
    } else if constexpr (std::unsigned_integral<T>) {
      put_varint(out_, v);
    } else {
      std::apply([&](auto... member) { (put_member(v, member), ...); }, kMembers<T>);
    }
  }
  template <class T, class M>
  void put_member(const T& v, M T::* member) {
    put(v.*member);
  }
  template <class T, class M>
  void put_member(const T& v, Since<M, T> since) {
    put(v.*since.member);
  }
  template <class A, class B>
  void put(const std::pair<A, B>& v) {
    put(v.first);
    put(v.second);
  }
  template <class T>
  void put(const std::optional<T>& v) {
    put(v.has_value());
    if (v) put(*v);
  }
  template <class T>
  void put(const std::shared_ptr<const T>& v) {
    put(*v);
  }
  template <class T>
  void put(const std::vector<T>& v) {
    put(v.size());
    for (const auto& element : v) put(element);
  }
  template <class K, class V>
  void put(const std::map<K, V>& v) {
    put(v.size());
    for (const auto& [key, value] : v) {
      put(key);
      put(value);
    }
  }
  template <class... T>
  void put(const std::variant<T...>& v) {
    put(v.index());
    std::visit([this](const auto& alternative) { this->put(alternative); }, v);
  }

  Bytes& out_;
};

/// After the first thing that does not fit, ok() is false and nothing more is read.
class Reader {
 public:
  /// `version`: of the format that the bytes have.
  explicit Reader(BytesView bytes, uint8_t version = UINT8_MAX) : in_(bytes), version_(version) {}

  bool ok() const { return ok_; }
  /// Everything was read, and nothing is left.
  bool complete() const { return ok_ && in_.empty(); }

  template <class... T>
  void operator()(T&... values) {
    (get(values), ...);
  }

 private:
  template <class T>
  bool took(const std::optional<T>& read) {
    ok_ = ok_ && read.has_value();
    return ok_;
  }
  void get(bool& v) {
    auto read = in_.varint();
    if (took(read)) v = *read != 0;
  }
  void get(Bytes& v) {
    auto read = in_.blob();
    if (took(read)) v = Bytes(*read);
  }
  void get(Uuid& v) {
    auto read = in_.take(16);
    if (took(read)) v = *Uuid::from_bytes(*read);
  }
  void get(DataTypePtr& v) {
    if (!ok_) return;
    auto read = DataType::decode(in_);
    ok_ = read.has_value();
    if (ok_) v = *std::move(read);
  }
  template <class T>
  void get(T& v) {
    if constexpr (std::is_enum_v<T>) {
      auto read = in_.varint();
      if (took(read)) v = static_cast<T>(*read);
    } else if constexpr (std::signed_integral<T>) {
      auto read = in_.signed_varint();
      if (took(read)) v = static_cast<T>(*read);
    } else if constexpr (std::unsigned_integral<T>) {
      auto read = in_.varint();
      if (took(read)) v = static_cast<T>(*read);
    } else {
      std::apply([&](auto... member) { (get_member(v, member), ...); }, kMembers<T>);
    }
  }
  template <class T, class M>
  void get_member(T& v, M T::* member) {
    get(v.*member);
  }
  template <class T, class M>
  void get_member(T& v, Since<M, T> since) {
    if (version_ >= since.version) get(v.*since.member);
  }
  template <class A, class B>
  void get(std::pair<A, B>& v) {
    get(v.first);
    get(v.second);
  }
  template <class T>
  void get(std::optional<T>& v) {
    bool there = false;
    get(there);
    if (ok_ && there) get(v.emplace());
  }
  template <class T>
  void get(std::shared_ptr<const T>& v) {
    auto made = std::make_shared<T>();
    get(*made);
    v = std::move(made);
  }
  /// A count is believed only as far as each element takes at least one byte.
  size_t count() {
    uint64_t n = 0;
    get(n);
    ok_ = ok_ && n <= in_.left();
    return ok_ ? n : 0;
  }
  template <class T>
  void get(std::vector<T>& v) {
    for (size_t n = count(); n > 0 && ok_; --n) get(v.emplace_back());
  }
  template <class K, class V>
  void get(std::map<K, V>& v) {
    for (size_t n = count(); n > 0 && ok_; --n) {
      K key;
      get(key);
      get(v[std::move(key)]);
    }
  }
  template <class... T>
  void get(std::variant<T...>& v) {
    uint64_t index = 0;
    get(index);
    size_t at = 0;
    bool known = false;
    ((at++ == index ? (known = true, get(v.template emplace<T>())) : void()), ...);
    ok_ = ok_ && known;
  }

  ByteReader in_;
  uint8_t version_;
  bool ok_ = true;
};

}  // namespace sagitta::types
